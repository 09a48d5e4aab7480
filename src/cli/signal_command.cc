#include "cli/signal_command.h"

#include <signal.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <iostream>
#include <thread>

#include "admin/client.h"
#include "cli/config_commands.h"

namespace postern::cli {

namespace {

constexpr std::chrono::seconds kAnswer{5};
constexpr std::chrono::seconds kOutcome{60};

int number_of(const std::string& what) {
  if (what == "reload") return SIGHUP;
  if (what == "reopen") return SIGUSR1;
  if (what == "upgrade") return SIGUSR2;
  return SIGTERM;
}

std::optional<double> sample(std::string_view metrics, std::string_view name) {
  for (std::size_t at = 0; (at = metrics.find(name, at)) != std::string_view::npos; at += name.size()) {
    if (at != 0 && metrics[at - 1] != '\n') continue;
    const char* const value = metrics.data() + at + name.size();
    double out = 0;
    if (std::from_chars(value, metrics.data() + metrics.size(), out).ec == std::errc{}) return out;
  }
  return std::nullopt;
}

std::optional<ReloadCounts> read_counts(const std::string& admin) {
  const Result<admin::Answer> answer = admin::get(admin, "/metrics", kAnswer);
  return answer && answer->status == 200 ? parse_reload_counts(answer->body) : std::nullopt;
}

/// The process logs the reason; this tells whoever sent the signal that there is one.
int wait_for_reload(const std::string& admin, const ReloadCounts& before, std::ostream& err) {
  const auto deadline = std::chrono::steady_clock::now() + kOutcome;
  while (std::chrono::steady_clock::now() < deadline) {
    const std::optional<ReloadCounts> now = read_counts(admin);
    if (now && now->ok > before.ok) return 0;
    if (now && now->failed > before.failed) {
      err << "postern: the reload was refused, its log says why\n";
      return 1;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  err << "postern: no outcome of the reload after " << kOutcome.count() << " s\n";
  return 1;
}

}  // namespace

std::optional<ReloadCounts> parse_reload_counts(std::string_view metrics) {
  const auto ok = sample(metrics, "postern_config_reloads_total{result=\"ok\"} ");
  const auto failed = sample(metrics, "postern_config_reloads_total{result=\"failed\"} ");
  if (!ok || !failed) return std::nullopt;
  return ReloadCounts{*ok, *failed};
}

int signal_command(const SignalRequest& request, std::ostream& err) {
  std::string admin;
  std::optional<ReloadCounts> before;
  if (request.what == "reload" && !request.config.empty()) {
    const config::LoadResult loaded = load_checked(request.config);
    if (!loaded.ok()) {
      print_diagnostics(loaded.diagnostics, err);
      return 2;
    }
    admin = loaded.settings.admin_listen;
    if (!admin.empty()) before = read_counts(admin);
  }
  if (::kill(request.pid, number_of(request.what)) != 0) {
    err << "postern: cannot signal " << request.pid << ": " << std::strerror(errno) << "\n";
    return 1;
  }
  return before ? wait_for_reload(admin, *before, err) : 0;
}

}  // namespace postern::cli
