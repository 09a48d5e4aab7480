// Keeps the endpoints of those upstreams up to date whose endpoints have to be found: a finder for each, all on one
// thread of their own. Not on the control thread: start and reload wait there for the first answers, which must come
// meanwhile. No thread as long as all endpoints are plain addresses. Called on the control thread.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "metrics/registry.h"
#include "proxy/snapshot.h"

namespace postern::server {

class Discoveries {
 public:
  explicit Discoveries(metrics::MetricsRegistry& registry);
  Discoveries(const Discoveries&) = delete;
  Discoveries& operator=(const Discoveries&) = delete;
  ~Discoveries();

  /// The upstreams from now on, before cores see them. Those whose settings stay go on as they are; others begin with
  /// what the one before knew. Returns when each has its first endpoints or has failed to find any, or when that has
  /// taken too long.
  void apply(const proxy::Snapshot& snapshot);

 private:
  using Io = boost::asio::io_context;
  struct Wanted;
  struct Running;
  struct Latch;
  struct Gate;
  struct Known {
    std::string identity;  // what makes it the same as before
    std::shared_ptr<upstream::SharedUpstream> shared;
    std::shared_ptr<Gate> gate;
  };

  void begin(Wanted wanted, const std::shared_ptr<Latch>& latch);
  void refresh(const std::string& name);
  void end(const std::string& name, const Known& known);
  void run();

  metrics::MetricsRegistry& registry_;
  Io io_{1};
  boost::asio::executor_work_guard<Io::executor_type> work_;
  std::thread thread_;
  // Control thread
  std::map<std::string, Known> known_;  // by upstream
  // Thread of discovery
  std::map<std::string, std::unique_ptr<Running>> running_;  // by upstream
};

}  // namespace postern::server
