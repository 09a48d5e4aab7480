// One upstream as the whole process sees it: the present set of endpoints, their shared state, and an epoch that moves
// with every change of either. Discovery and checks write; every core's Cluster compares the epoch when it picks and
// takes the new set over when it has moved. Outlives reloads: a name keeps its SharedUpstream. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/socket_address.h"
#include "upstream/endpoint_state.h"

namespace postern::upstream {

/// An endpoint as a source of endpoints gives it.
struct EndpointSpec {
  std::string name;  // "host:port" or "unix:/path": for the Host field, SNI, logs and metrics
  net::SocketAddress address;
  std::uint32_t weight = 1;    // 0: known, but gets nothing
  std::uint32_t priority = 0;  // 0 first; others take over when it is ill
  std::string zone = {};

  bool operator==(const EndpointSpec&) const = default;
};

/// Immutable once published.
struct EndpointSet {
  struct Member {
    EndpointSpec spec;
    std::shared_ptr<EndpointState> state;  // the same for as long as name and address stay
  };
  std::uint64_t version = 0;
  std::vector<Member> members;
};

class SharedUpstream {
 public:
  explicit SharedUpstream(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// The set from now on; those that stay keep their state. False: it is what was there.
  bool assign(std::vector<EndpointSpec> endpoints);
  [[nodiscard]] std::shared_ptr<const EndpointSet> endpoints() const;

  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_.load(std::memory_order_acquire); }
  /// Held by whoever ejects endpoints or puts them back: how many are out has to be known meanwhile.
  std::mutex& ejecting() noexcept { return ejecting_; }
  /// Somebody's state has changed.
  void changed() noexcept { epoch_.fetch_add(1, std::memory_order_acq_rel); }

 private:
  const std::string name_;
  std::atomic<std::uint64_t> epoch_{1};
  std::mutex ejecting_;
  mutable std::mutex mutex_;  // guards set_
  std::shared_ptr<const EndpointSet> set_ = std::make_shared<EndpointSet>();
};

}  // namespace postern::upstream
