// Daemon's part that changes a running configuration: SIGHUP, and certificates that change on disk.

#include <unistd.h>

#include <exception>

#include "base/log.h"
#include "net/tls_material.h"
#include "server/daemon.h"

namespace postern::server {

namespace asio = boost::asio;

void Daemon::reload() {
  if (draining_) return;
  if (upgrade_.is_running()) {
    reload_wanted_ = true;
    log::info("the reload waits for the upgrade");
    return;
  }
  notifier_.reloading();
  const std::string why_not = try_reload();
  notifier_.ready(why_not.empty() ? "serving, reloaded" : "serving; the reload was refused: " + why_not);
}

std::string Daemon::try_reload() {
  config::LoadResult loaded = load_();
  std::vector<config::Diagnostic> diagnostics = loaded.diagnostics;
  const bool ok = diagnostics.empty() && apply(loaded, SnapshotBuilder::OnBadCertificate::refuse, diagnostics);
  registry_.count(ok ? metrics::Event::reload_ok : metrics::Event::reload_failed);
  if (!ok) {
    for (const config::Diagnostic& d : diagnostics)
      log::error("reload refused, nothing changed", {{"why", config::to_string(d)}});
    return diagnostics.empty() ? "?" : config::to_string(diagnostics.front());
  }
  const config::Settings& old = loaded_.settings;
  const config::Settings& now = loaded.settings;
  if (old.workers != now.workers || old.engine != now.engine || old.admin_listen != now.admin_listen) {
    log::warn("workers, engine and admin.listen change with a restart only");
  }
  if (old.trace && old.trace->otlp && now.trace && now.trace->otlp &&
      old.trace->otlp->queue != now.trace->otlp->queue) {
    log::warn("trace.otlp.queue changes with a restart only");
  }
  configure_logs(now);
  loaded_ = std::move(loaded);
  watch_files();
  log::info("reloaded");
  return {};
}

void Daemon::configure_logs(const config::Settings& settings) {
  try {
    own_log_.configure(settings.log, settings.syslog);
  } catch (const std::exception& e) {
    log::error("own log stays where it was", {{"why", e.what()}});
  }
  try {
    access_log_->configure(accesslog::options_of(settings.access_log, settings.syslog));
  } catch (const std::exception& e) {
    log::error("access log stays as it was", {{"why", e.what()}});
  }
}

void Daemon::watch_files() {
  std::vector<std::string> files;
  const auto add = [&](std::vector<std::string> more) { files.insert(files.end(), more.begin(), more.end()); };
  for (const config::Listener& l : loaded_.settings.listeners) {
    if (l.tls) add(net::tls_files(*l.tls));
  }
  for (const config::Upstream& u : loaded_.settings.upstreams) {
    if (u.tls) add(net::tls_files(*u.tls));
  }
  if (const auto& trace = loaded_.settings.trace; trace && trace->otlp) {
    add(net::tls_files(trace::tls_of(trace->otlp->tls)));
  }
  for (const config::Issuer& issuer : loaded_.settings.issuers)
    add({issuer.jwks_file, issuer.pem_file, issuer.secret_file});
  add({loaded_.settings.credentials.api_key_file});
  std::erase(files, std::string());
  watch_fd_.reset();
  watch_.reset();
  settle_.cancel();
  if (files.empty()) return;
  watch_ = std::make_unique<net::FileWatch>(std::move(files));
  wait_for_files();
}

void Daemon::wait_for_files() {
  if (watch_->fd() < 0) return poll_files();
  // Its own copy: the descriptor closes what it holds, and so does the watch.
  if (!watch_fd_) watch_fd_.emplace(io_, ::dup(watch_->fd()));
  watch_fd_->async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    settle_.expires_after(net::FileWatch::kSettle);
    settle_.async_wait([this](const boost::system::error_code& stopped) {
      if (stopped || !watch_) return;
      if (watch_->drain_changed()) reload_certificates();
      wait_for_files();
    });
  });
}

void Daemon::poll_files() {
  settle_.expires_after(net::FileWatch::kPollInterval);
  settle_.async_wait([this](const boost::system::error_code& stopped) {
    if (stopped || !watch_) return;
    if (watch_->drain_changed()) reload_certificates();
    poll_files();
  });
}

void Daemon::reload_certificates() {
  if (draining_) return;
  std::vector<config::Diagnostic> diagnostics;
  // Listeners whose new pair is good get it, even when another one's is not.
  const bool ok = apply(loaded_, SnapshotBuilder::OnBadCertificate::keep_old, diagnostics) && !builder_.kept_old();
  registry_.count(ok ? metrics::Event::certificate_reload_ok : metrics::Event::certificate_reload_failed);
  for (const config::Diagnostic& d : diagnostics)
    log::error("certificates not reloaded", {{"why", config::to_string(d)}});
  if (ok) log::info("certificates reloaded");
}

}  // namespace postern::server
