// The running daemon: starts the cores, then serves signals, reloads, certificate changes and the admin endpoint on the
// control thread until it has drained.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accesslog/access_log.h"
#include "accesslog/own_log.h"
#include "admin/server.h"
#include "audit/trail.h"
#include "config/load.h"
#include "identity/directory.h"
#include "identity/introspector.h"
#include "identity/issuer_keeper.h"
#include "metrics/collector.h"
#include "metrics/registry.h"
#include "net/file_watch.h"
#include "server/build.h"
#include "server/core.h"
#include "server/discoveries.h"
#include "server/drift_watch.h"
#include "server/inherited.h"
#include "server/listen_sockets.h"
#include "server/notify.h"
#include "server/overload.h"
#include "server/revocations.h"
#include "server/upgrade.h"
#include "server/watchdog.h"
#include "trace/exporter.h"

namespace postern::server {

/// What the process was given before it could ask; taken at the very start.
struct Start {
  Invocation invocation;
  InheritedSockets inherited;

  static Start of(int argc, char** argv) { return {Invocation::of(argc, argv), InheritedSockets::from_environment()}; }
};

class Daemon {
 public:
  using Loader = std::function<config::LoadResult()>;

  /// `load` reads the config again for a reload.
  Daemon(config::LoadResult loaded, net::Engine engine, Loader load, Start start);
  ~Daemon();

  /// 0 after an orderly end; 1 or 2 with lines on stderr when it cannot start (2: the config).
  int run();

 private:
  using Io = boost::asio::io_context;

  bool start();
  bool open_log();
  bool apply(const config::LoadResult& loaded, SnapshotBuilder::OnBadCertificate policy,
             std::vector<config::Diagnostic>& diagnostics);
  // listeners.cc
  bool open_listeners(const config::Settings& settings, std::vector<Install>& installs, std::string& error);
  bool open_new(const config::Listener& listener, std::uint16_t index, std::vector<Install>& installs,
                std::vector<int>& copies, std::string& error);
  static void close_all(const std::vector<int>& fds) noexcept;
  void close_listeners() noexcept;
  [[nodiscard]] std::vector<HandoverSocket> sockets_to_hand_over() const;
  // keys.cc
  void ask_for_key(std::size_t core, const std::string& issuer, std::string_view kid, std::uint64_t place);
  void ask_for_groups(std::size_t core, const std::string& issuer, std::string_view path, std::uint64_t place);
  void ask_about_token(std::size_t core, const std::string& issuer, std::string_view token, std::uint64_t place);
  void publish_keys(identity::IssuerKeeper::Set set);
  bool configure_trail(const config::Settings& settings, std::string& error);
  [[nodiscard]] bool is_issuer(std::string_view name) const;
  bool start_admin();
  void await_cores();
  void announce();

  void wait_for_signal();
  void on_signal(int signal);
  // reload.cc
  void reload();
  void configure_logs(const config::Settings& settings);
  std::string try_reload();
  void reload_certificates();
  void watch_files();
  void wait_for_files();
  void poll_files();
  void reap_children();
  // drain.cc
  void begin_upgrade();
  void on_upgraded(bool ready, const std::string& why_not);
  void on_terminate();
  void begin_drain();
  void core_drained();
  void on_drain_deadline();
  void stop();
  void every_minute();
  // pulse.cc
  void pulse();
  void look_at_cores(std::int64_t now_ms);
  void core_stands_still(const Watchdog::Change& change);
  void look_at_resources(std::int64_t now_ms);
  void count_identity(std::int64_t now_ms);
  std::int64_t common_lag(std::int64_t now_ms);

  // Constant after construction
  const Loader load_;
  const net::Engine engine_;
  // Control thread
  Io io_;
  config::LoadResult loaded_;
  metrics::MetricsRegistry registry_;
  metrics::Collector collector_;
  SnapshotBuilder builder_;
  Discoveries discoveries_;
  accesslog::OwnLog own_log_;
  std::unique_ptr<accesslog::AccessLog> access_log_;
  std::unique_ptr<trace::Exporter> exporter_;
  AddressTable addresses_;
  audit::AuditTrail trail_;
  std::vector<std::unique_ptr<Core>> cores_;
  struct OpenListener {
    std::uint16_t index = 0;
    std::vector<int> fds;  // copies of the cores', for a successor
  };
  std::map<std::string, OpenListener> open_listeners_;  // by socket_key
  InheritedSockets inherited_;
  Notifier notifier_;
  Upgrade upgrade_;
  DriftWatch drift_;
  Revocations revocations_;
  std::unique_ptr<identity::IssuerKeeper> keeper_;
  std::unique_ptr<identity::Introspector> introspector_;
  std::unique_ptr<identity::Directory> directory_;
  std::unique_ptr<admin::Server> admin_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer settle_;
  boost::asio::steady_timer minute_;
  boost::asio::steady_timer pulse_;
  std::optional<Watchdog> watchdog_;
  Overload overload_;
  ResourceSampler sampler_;
  std::int64_t pulsed_ms_ = 0;
  std::int64_t counted_ms_ = 0;
  std::int64_t lag_counts_from_ms_ = 0;
  std::int64_t fed_ms_ = 0;      // when the service manager last heard that all is well
  std::int64_t trimmed_ms_ = 0;  // when memory was last given back to the kernel
  boost::asio::steady_timer deadline_;
  std::unique_ptr<net::FileWatch> watch_;
  std::optional<boost::asio::posix::stream_descriptor> watch_fd_;
  std::size_t draining_cores_ = 0;
  std::size_t installing_cores_ = 0;  // until ready
  bool reload_wanted_ = false;        // as soon as the upgrade that is on the way has an outcome
  bool handed_over_ = false;          // a successor serves
  bool draining_ = false;
  bool terminated_ = false;  // somebody waits for the end
  bool streams_told_ = false;
  bool cut_ = false;
};

/// Nothing starts: the same checks as at start, without listening. For `postern check`.
void deep_check(const config::LoadResult& loaded, std::vector<config::Diagnostic>& diagnostics);

}  // namespace postern::server
