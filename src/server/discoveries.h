// Keeps every upstream's endpoints up to date: a finder per upstream that has something to look for, all on one thread
// of their own. Not on the control thread: start and reload wait there for the first answers, which must come
// meanwhile. No thread as long as all endpoints are plain addresses. Called on the control thread.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/settings.h"
#include "metrics/registry.h"
#include "upstream/shared_upstream.h"

namespace postern::server {

class Discoveries {
 public:
  struct Wanted {
    config::Upstream settings;
    std::shared_ptr<upstream::SharedUpstream> shared;
  };

  explicit Discoveries(metrics::MetricsRegistry& registry) : registry_(registry), work_(io_.get_executor()) {}
  Discoveries(const Discoveries&) = delete;
  Discoveries& operator=(const Discoveries&) = delete;
  ~Discoveries();

  /// The upstreams from now on. Those whose settings stay go on as they are; the others begin with what the one before
  /// knew. Returns when each has its first endpoints or has failed to find any, at the latest when its timeout is over.
  void apply(std::vector<Wanted> wanted);

 private:
  using Io = boost::asio::io_context;
  struct Running;
  struct Latch;
  struct Known {
    std::string identity;  // what makes it the same as before
    std::shared_ptr<upstream::SharedUpstream> shared;
    bool runs = false;
  };

  bool assign_literals(const Wanted& wanted);
  void begin(Wanted wanted, const std::shared_ptr<Latch>& latch);
  void end(const std::string& name);
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
