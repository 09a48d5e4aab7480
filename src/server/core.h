// One core: a thread with its own event loop, listeners, pipeline, pools and connections. Shares nothing on the request
// path. The daemon (control thread) talks to it by posting; answers come back by posting to the control thread.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "audit/core_audit.h"
#include "base/task_group.h"
#include "crypto/library.h"
#include "net/loop.h"
#include "proxy/health_keeper.h"
#include "proxy/pipeline.h"
#include "proxy/snapshot.h"
#include "server/address_table.h"
#include "server/heartbeat.h"
#include "server/overload.h"
#include "wire/h1_server.h"
#include "wire/h2_server.h"

namespace postern::server {

class Acceptor;
class Connection;

/// A listening socket for one core.
struct ListenerSocket {
  std::uint16_t listener = 0;  // index in the snapshot
  int fd = -1;
};

/// What a reload brings to a core, as one message.
struct Install {
  std::shared_ptr<const proxy::Snapshot> snapshot;
  std::vector<ListenerSocket> opened;
  std::vector<std::pair<std::uint16_t, std::uint16_t>> moved;  // the same socket under another listener's name
  std::vector<std::uint16_t> closed;
  std::vector<audit::StreamIndex> audit_streams;  // by listener
};

/// How a drain treats connections without a request: as `first` says at once, and after a while all of them end.
struct DrainPlan {
  wire::Drain first = wire::Drain::idle;
  std::int64_t grace_ms = 500;  // for those that have just been opened, whose request is on the way
  bool end_streams = true;      // tunnels are told at once; else with post_end_streams()
};

class Core {
 public:
  Core(std::size_t number, net::Engine engine, metrics::CoreMetrics& metrics, accesslog::CoreLog& log,
       trace::CoreTracer* tracer = nullptr);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Control thread.
  /// Before start(): where connections are counted that are limited for all cores together.
  void share(AddressTable& addresses) noexcept { addresses_ = &addresses; }
  /// The same, for the audit trail.
  void share(audit::CoreAudit& trail) noexcept { trail_ = &trail; }
  void start();
  /// From now on that much is given up. `close_idle`: connections without a request, too.
  void post_overload(Stage stage, bool close_idle, std::string retry_after);
  void post_install(Install install);
  /// No new connections; the others end as the plan says. `done` runs on this core when none is left.
  void post_drain(std::function<void()> done, DrainPlan plan = {});
  /// A drain that is on the way has no more time for connections without a request, and for tunnels.
  void post_end_streams();
  /// What is still there is cut off.
  void post_cut();
  /// Issuers have other keys now; of the generation that the core has, or else it is outdated.
  void post_identity(std::shared_ptr<const identity::IdentitySources> sources);
  /// To a request that waits for a key.
  void post_answer(std::uint64_t place, bool is_sure);
  /// Before start(): where requests ask for keys that nobody knows.
  void share(proxy::KeyWaiters::Ask ask) { pipeline_.gate().waiters().set_ask(std::move(ask)); }
  /// To a request that waits for what an issuer says of its token.
  void post_introspection(std::uint64_t place, std::shared_ptr<const identity::IntrospectionAnswer> said);
  /// To a request that waits for the groups of its caller; nullptr: they cannot be had.
  void post_groups(std::uint64_t place, std::shared_ptr<const std::vector<std::string>> groups);
  /// Before start(): where requests ask for groups that a token has no room for.
  void share_directory(proxy::KeyWaiters::Ask ask) { pipeline_.gate().group_waiters().set_ask(std::move(ask)); }
  /// That issuer says of the token that it is not active: it is forgotten.
  void post_inactive(std::string issuer, std::shared_ptr<const crypto::SecretText> token);
  /// Before start(): where requests ask what a token means.
  void share_introspection(proxy::KeyWaiters::Ask ask) { pipeline_.gate().token_waiters().set_ask(std::move(ask)); }
  /// These are not believed any more.
  void post_revocations(identity::RevocationBatch batch);
  void post_stop();
  void join();

  // Any thread.
  [[nodiscard]] const Heartbeat& heartbeat() const noexcept { return heartbeat_; }

  // This core.
  net::Loop& loop() noexcept { return loop_; }
  FramePool& frames() noexcept { return loop_.frames(); }
  proxy::Pipeline& pipeline() noexcept { return pipeline_; }
  wire::H1ExchangePool& exchanges() noexcept { return exchanges_; }
  wire::H2ExchangePool& h2_exchanges() noexcept { return h2_exchanges_; }
  metrics::CoreMetrics& metrics() noexcept { return metrics_; }
  TaskGroup& connections() noexcept { return tasks_; }
  [[nodiscard]] wire::Drain drain_level() const noexcept { return drain_; }
  [[nodiscard]] bool ends_streams() const noexcept { return streams_end_; }
  /// Connections take one request and no more.
  [[nodiscard]] bool closes_idle() const noexcept { return close_idle_; }
  [[nodiscard]] bool refuses_connections() const noexcept { return stage_ >= Stage::refuse_connections; }
  [[nodiscard]] AddressTable& addresses() noexcept { return *addresses_; }
  void add(Connection& connection) noexcept;
  void remove(Connection& connection) noexcept;

 private:
  void install(const Install& message);
  void install_identity(const proxy::Snapshot& snapshot);
  void start_checks();
  proxy::GenerationPin make_generation(std::shared_ptr<const proxy::Snapshot> snapshot);
  Task<void> drain(std::function<void()> done, DrainPlan plan);
  void end_idle() noexcept;
  void return_leases() noexcept;
  void end_streams() noexcept;
  void close_acceptors(const std::vector<std::uint16_t>& listeners);
  void cut() noexcept;
  void set_overload(Stage stage, bool close_idle, const std::string& retry_after) noexcept;
  void run();

  // Constant after construction
  const std::size_t number_;
  metrics::CoreMetrics& metrics_;
  // This core only; destroyed from the bottom up
  crypto::Library library_;
  net::Loop loop_;
  Heartbeat heartbeat_;
  AddressTable own_addresses_;
  AddressTable* addresses_ = &own_addresses_;
  audit::CoreAudit* trail_ = nullptr;
  wire::H1ExchangePool exchanges_;
  wire::H2ExchangePool h2_exchanges_;
  proxy::Pipeline pipeline_;
  TaskGroup tasks_;                                   // connections
  TaskGroup checking_;                                // health checks
  TaskGroup drains_;                                  // waits for them
  proxy::HealthKeepers checks_;                       // of the upstreams that are this core's duty
  std::vector<std::unique_ptr<Acceptor>> acceptors_;  // several of one listener after some upgrades
  Connection* first_ = nullptr;
  wire::Drain drain_ = wire::Drain::none;
  bool streams_end_ = false;
  Stage stage_ = Stage::none;
  bool close_idle_ = false;
  net::Timer end_idle_;
  net::Timer return_leases_;  // of limits, from when there are any
  boost::asio::executor_work_guard<net::Loop::Executor> work_;
  // Control thread only
  std::thread thread_;
};

}  // namespace postern::server
