#include "server/daemon.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>

#include "base/log.h"
#include "identity/api_key_set.h"
#include "net/tls_material.h"
#include "server/workers.h"

namespace postern::server {

namespace {

void say(const std::string& line) { std::fprintf(stderr, "postern: %s\n", line.c_str()); }

}  // namespace

Daemon::Daemon(config::LoadResult loaded, net::Engine engine, Loader load, Start start)
    : load_(std::move(load)),
      engine_(engine),
      io_(1),
      loaded_(std::move(loaded)),
      collector_(registry_, {POSTERN_VERSION, net::to_string(engine)}),
      builder_(registry_),
      discoveries_(registry_),
      inherited_(std::move(start.inherited)),
      upgrade_(io_, std::move(start.invocation)),
      drift_(io_, registry_),
      revocations_(
          [this](const identity::RevocationBatch& batch) {
            for (auto& core : cores_) core->post_revocations(batch);
          },
          [this](std::string_view name) { return is_issuer(name); }),
      keeper_(std::make_unique<identity::IssuerKeeper>([this](identity::IssuerKeeper::Set set) {
        boost::asio::post(io_, [this, s = std::move(set)] { publish_keys(s); });
      })),
      introspector_(std::make_unique<identity::Introspector>(
          [this](const std::string& issuer, const identity::Introspector::Token& token) {
            for (auto& core : cores_) core->post_inactive(issuer, token);
          })),
      directory_(std::make_unique<identity::Directory>()),
      signals_(io_),
      settle_(io_),
      minute_(io_),
      pulse_(io_),
      deadline_(io_) {}

Daemon::~Daemon() {
  close_listeners();
  for (auto& core : cores_) core->post_stop();
  for (auto& core : cores_) core->join();
  keeper_.reset();  // its answers go to cores
  introspector_.reset();
  directory_.reset();
}

int Daemon::run() {
  ::signal(SIGPIPE, SIG_IGN);
  protect_memory();
  raise_file_limit();
  if (!start()) return 2;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD}) signals_.add(signal);
  wait_for_signal();
  watch_files();
  every_minute();
  install_stack_dump();
  watchdog_.emplace(cores_.size());
  pulse();
  await_cores();
  io_.run();
  for (auto& core : cores_) core->join();
  if (access_log_) access_log_->stop(std::chrono::seconds(1));
  if (exporter_) exporter_->stop(std::chrono::seconds(1));
  trail_.stop(std::chrono::seconds(5));
  log::info("stopped");
  return 0;
}

bool Daemon::start() {
  if (!open_log()) return false;
  const std::optional<config::Trace>& tracing = loaded_.settings.trace;
  exporter_ = std::make_unique<trace::Exporter>(
      registry_, tracing && tracing->otlp ? tracing->otlp->queue : trace::Exporter::kDefaultQueue);
  const std::size_t count = loaded_.settings.workers != 0 ? loaded_.settings.workers : usable_cpus();
  for (std::size_t i = 0; i < count; ++i) {
    metrics::CoreMetrics& metrics = registry_.add_core();
    cores_.push_back(
        std::make_unique<Core>(i, engine_, metrics, access_log_->add_core(metrics), &exporter_->add_core(metrics)));
    cores_.back()->share(addresses_);
    cores_.back()->share(trail_.add_core());
    cores_.back()->share([this, i](const std::string& issuer, std::string_view kid, std::uint64_t place) {
      ask_for_key(i, issuer, kid, place);
    });
    cores_.back()->share_introspection([this, i](const std::string& issuer, std::string_view token,
                                                 std::uint64_t place) { ask_about_token(i, issuer, token, place); });
    cores_.back()->share_directory([this, i](const std::string& issuer, std::string_view path, std::uint64_t place) {
      ask_for_groups(i, issuer, path, place);
    });
  }
  std::vector<config::Diagnostic> diagnostics;
  if (!apply(loaded_, SnapshotBuilder::OnBadCertificate::refuse, diagnostics)) {
    for (const config::Diagnostic& d : diagnostics) say(config::to_string(d));
    return false;
  }
  if (!start_admin()) return false;
  access_log_->start();
  trail_.start();
  for (auto& core : cores_) core->start();
  return true;
}

bool Daemon::open_log() {
  const config::Settings& settings = loaded_.settings;
  try {
    own_log_.configure(settings.log, settings.syslog);
    const accesslog::Options options = accesslog::options_of(settings.access_log, settings.syslog);
    access_log_ = std::make_unique<accesslog::AccessLog>(options, registry_);
    return true;
  } catch (const std::exception& e) {
    say(e.what());
    return false;
  }
}

bool Daemon::apply(const config::LoadResult& loaded, SnapshotBuilder::OnBadCertificate policy,
                   std::vector<config::Diagnostic>& diagnostics) {
  const SnapshotBuilder::KeepKeys keep = [this](const config::Settings& settings) {
    introspector_->apply(settings.issuers);
    directory_->apply(settings.issuers);
    return keeper_->apply(settings.issuers, settings.role_mappings, settings.credentials.max_token);
  };
  std::shared_ptr<const proxy::Snapshot> snapshot = builder_.build(loaded, cores_.size(), policy, diagnostics, keep);
  if (!snapshot) return false;
  std::vector<Install> installs(cores_.size());
  std::string error;
  if (!configure_trail(loaded.settings, error)) {
    diagnostics.push_back(loaded.diagnostic("audit", error));
    return false;
  }
  // Posted before the snapshot: no core serves a request before it knows what is revoked.
  error = revocations_.configure(loaded.settings.credentials.revocations_file, ::time(nullptr));
  if (!error.empty()) {
    diagnostics.push_back(loaded.diagnostic("credentials.revocations_file", error));
    return false;
  }
  if (!open_listeners(loaded.settings, installs, error)) {
    diagnostics.push_back(loaded.diagnostic("listener", error));
    return false;
  }
  discoveries_.apply(*snapshot);
  builder_.accepted(snapshot);
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    installs[i].snapshot = snapshot;
    for (const proxy::ListenerPolicy& listener : snapshot->listeners)
      installs[i].audit_streams.push_back(trail_.stream_of(listener.name));
    cores_[i]->post_install(std::move(installs[i]));
  }
  exporter_->configure(trace::export_options(loaded.settings.trace, snapshot->tracing_material));
  drift_.configure(loaded.settings.drift);
  registry_.set(metrics::Gauge::config_generation, static_cast<std::int64_t>(snapshot->number));
  registry_.set(metrics::Gauge::config_loaded_at, static_cast<std::int64_t>(::time(nullptr)));
  return true;
}

/// Before any core knows of it. When what follows fails the streams stay as they are now: the requests that are
/// recorded are still those of the old generation.
bool Daemon::configure_trail(const config::Settings& settings, std::string& error) {
  try {
    trail_.configure(settings.audit);
    return true;
  } catch (const std::exception& e) {
    error = e.what();
    return false;
  }
}

bool Daemon::is_issuer(std::string_view name) const {
  const config::Settings& settings = loaded_.settings;
  const auto is_it = [name](const auto& one) { return one.name == name; };
  return name == identity::kApiKeyIssuerName || std::any_of(settings.issuers.begin(), settings.issuers.end(), is_it) ||
         std::any_of(settings.listeners.begin(), settings.listeners.end(), is_it);
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
    case SIGUSR2:
      return begin_upgrade();
    case SIGCHLD:
      return reap_children();
    default:
      break;
  }
  on_terminate();
}

// As PID 1 of a container nobody else would bury what is orphaned in it.
void Daemon::reap_children() {
  upgrade_.reap();
  if (::getpid() != 1) return;
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

void Daemon::every_minute() {
  minute_.expires_after(std::chrono::seconds(60));
  minute_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    builder_.rotate_ticket_keys();
    log::process().tick();
    every_minute();
  });
}

void deep_check(const config::LoadResult& loaded, std::vector<config::Diagnostic>& diagnostics) {
  metrics::MetricsRegistry registry;
  SnapshotBuilder builder(registry);
  const auto snapshot = builder.build(loaded, 1, SnapshotBuilder::OnBadCertificate::refuse, diagnostics);
  // What is not found today may be there tomorrow: a warning in the log, and no mistake in the config.
  if (snapshot) Discoveries(registry).apply(*snapshot);
}

}  // namespace postern::server
