#include "server/daemon.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "admin/endpoints.h"
#include "base/log.h"
#include "net/tls_material.h"
#include "server/workers.h"

namespace postern::server {

namespace asio = boost::asio;

namespace {

log::Level level_of(config::LogLevel level) noexcept { return static_cast<log::Level>(static_cast<int>(level)); }

accesslog::Options log_options(const config::AccessLog& settings) {
  accesslog::Options options;
  options.path = settings.path;
  options.format = static_cast<accesslog::Format>(static_cast<int>(settings.format));
  options.ring_entries = settings.ring;
  return options;
}

void say(const std::string& line) { std::fprintf(stderr, "postern: %s\n", line.c_str()); }

}  // namespace

Daemon::Daemon(config::LoadResult loaded, net::Engine engine, Loader load)
    : load_(std::move(load)),
      engine_(engine),
      io_(1),
      loaded_(std::move(loaded)),
      collector_(registry_, {POSTERN_VERSION, net::to_string(engine)}),
      builder_(registry_),
      signals_(io_),
      settle_(io_),
      minute_(io_),
      deadline_(io_) {}

Daemon::~Daemon() {
  for (auto& core : cores_) core->post_stop();
  for (auto& core : cores_) core->join();
}

int Daemon::run() {
  ::signal(SIGPIPE, SIG_IGN);
  log::process().set_level(level_of(loaded_.settings.log_level));
  protect_memory();
  raise_file_limit();
  if (!start()) return 2;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) signals_.add(signal);
  if (::getpid() == 1) signals_.add(SIGCHLD);  // nobody else would bury what is orphaned in this container
  wait_for_signal();
  watch_files();
  every_minute();
  log::info("ready", {{"engine", net::to_string(engine_)}, {"cores", cores_.size()}, {"version", POSTERN_VERSION}});
  io_.run();
  for (auto& core : cores_) core->join();
  if (access_log_) access_log_->stop(std::chrono::seconds(1));
  log::info("stopped");
  return 0;
}

bool Daemon::start() {
  if (!open_log()) return false;
  const std::size_t count = loaded_.settings.workers != 0 ? loaded_.settings.workers : usable_cpus();
  for (std::size_t i = 0; i < count; ++i) {
    metrics::CoreMetrics& metrics = registry_.add_core();
    cores_.push_back(std::make_unique<Core>(i, engine_, metrics, access_log_->add_core(metrics)));
  }
  std::vector<config::Diagnostic> diagnostics;
  if (!apply(loaded_, SnapshotBuilder::OnBadCertificate::refuse, diagnostics)) {
    for (const config::Diagnostic& d : diagnostics) say(config::to_string(d));
    return false;
  }
  if (!start_admin()) return false;
  access_log_->start();
  for (auto& core : cores_) core->start();
  return true;
}

bool Daemon::open_log() {
  try {
    access_log_ = std::make_unique<accesslog::AccessLog>(log_options(loaded_.settings.access_log), registry_);
    return true;
  } catch (const std::exception& e) {
    say(e.what());
    return false;
  }
}

bool Daemon::apply(const config::LoadResult& loaded, SnapshotBuilder::OnBadCertificate policy,
                   std::vector<config::Diagnostic>& diagnostics) {
  std::shared_ptr<const proxy::Snapshot> snapshot = builder_.build(loaded, cores_.size(), policy, diagnostics);
  if (!snapshot) return false;
  std::vector<Install> installs(cores_.size());
  std::string error;
  if (!open_listeners(loaded.settings, installs, error)) {
    diagnostics.push_back(loaded.diagnostic("listener", error));
    return false;
  }
  builder_.accepted(snapshot);
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    installs[i].snapshot = snapshot;
    cores_[i]->post_install(std::move(installs[i]));
  }
  registry_.set(metrics::Gauge::config_generation, static_cast<std::int64_t>(snapshot->number));
  registry_.set(metrics::Gauge::config_loaded_at, static_cast<std::int64_t>(::time(nullptr)));
  return true;
}

// What is new is opened before anything is closed: a failure leaves all as it was.
bool Daemon::open_listeners(const config::Settings& settings, std::vector<Install>& installs, std::string& error) {
  std::map<std::string, std::uint16_t> now;
  std::vector<int> opened;
  const std::vector<std::string>& names = builder_.listener_names();
  for (const config::Listener& listener : settings.listeners) {
    const auto index = static_cast<std::uint16_t>(std::find(names.begin(), names.end(), listener.name) - names.begin());
    now[listener.address] = index;
    if (const auto there = open_listeners_.find(listener.address); there != open_listeners_.end()) {
      if (there->second == index) continue;
      for (Install& install : installs) install.moved.emplace_back(there->second, index);
      continue;
    }
    ListenSockets sockets = open_listener(listener, installs.size());
    if (!sockets.error.empty()) {
      for (const int fd : opened) ::close(fd);
      error = sockets.error;
      return false;
    }
    for (std::size_t i = 0; i < installs.size(); ++i) {
      installs[i].opened.push_back({index, sockets.fds[i]});
      opened.push_back(sockets.fds[i]);
    }
  }
  for (const auto& [address, index] : open_listeners_) {
    if (now.count(address)) continue;
    for (Install& install : installs) install.closed.push_back(index);
  }
  open_listeners_ = std::move(now);
  return true;
}

bool Daemon::start_admin() {
  if (loaded_.settings.admin_listen.empty()) return true;
  admin_ = std::make_unique<admin::Server>(io_);
  admin::add_standard_endpoints(*admin_, collector_,
                                [this] { return draining_ ? std::string_view("draining") : std::string_view(); });
  try {
    admin_->listen(loaded_.settings.admin_listen);
    return true;
  } catch (const std::exception& e) {
    say(std::string("admin: ") + e.what());
    return false;
  }
}

void Daemon::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    on_signal(signal);
    wait_for_signal();
  });
}

void Daemon::on_signal(int signal) {
  switch (signal) {
    case SIGHUP:
      return reload();
    case SIGUSR1:
      return access_log_->reopen();
    case SIGCHLD:
      return reap_children();
    default:
      break;
  }
  if (draining_) {  // asked twice: no patience
    on_drain_deadline();
  } else {
    begin_drain();
  }
}

void Daemon::reap_children() {
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

void Daemon::every_minute() {
  minute_.expires_after(std::chrono::seconds(60));
  minute_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    builder_.rotate_ticket_keys();
    every_minute();
  });
}

void Daemon::begin_drain() {
  draining_ = true;
  registry_.set(metrics::Gauge::draining, 1);
  log::info("draining", {{"deadline_ms", static_cast<std::int64_t>(loaded_.settings.drain_timeout.count())}});
  draining_cores_ = cores_.size();
  for (auto& core : cores_) {
    core->post_drain([this] { asio::post(io_, [this] { core_drained(); }); });
  }
  deadline_.expires_after(loaded_.settings.drain_timeout);
  deadline_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_drain_deadline();
  });
}

void Daemon::core_drained() {
  if (--draining_cores_ == 0) stop();
}

void Daemon::on_drain_deadline() {
  if (cut_) return stop();  // not even that helped
  cut_ = true;
  log::warn("drain deadline passed, cutting what is left");
  for (auto& core : cores_) core->post_cut();
  deadline_.expires_after(std::chrono::seconds(3));
  deadline_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_drain_deadline();
  });
}

void Daemon::stop() {
  for (auto& core : cores_) core->post_stop();
  if (admin_) admin_->stop();
  io_.stop();
}

void deep_check(const config::LoadResult& loaded, std::vector<config::Diagnostic>& diagnostics) {
  metrics::MetricsRegistry registry;
  SnapshotBuilder builder(registry);
  builder.build(loaded, 1, SnapshotBuilder::OnBadCertificate::refuse, diagnostics);
}

}  // namespace postern::server
