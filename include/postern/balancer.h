// Which endpoint gets a request. A balancer sees what one core knows of the endpoints that may be used now, and answers
// with one of them. Author's contract: one file in src/balance/ that defines a `constinit const BalancerKind`.
// One core only: nothing here is shared, nothing in pick() waits or allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/clock.h"

namespace postern {

/// An endpoint as balancers see it; its owner keeps it up to date.
struct Candidate {
  std::uint64_t id = 0;         // hash of its name: the same on every core and in every process
  double weight = 1;            // as configured, times its share while it starts slowly
  std::uint32_t in_flight = 0;  // requests at present, of this core
  double latency_ns = 0;        // peak EWMA of the time to the first byte, as of `latency_at`; 0: none yet
  Nanoseconds latency_at = 0;
};

struct PickInput {
  Nanoseconds now = 0;
  std::uint64_t key = 0;  // of what the upstream hashes (client, header, body...); meaningless without has_key
  bool has_key = false;
  std::uint32_t attempt = 0;  // 0: the first pick for this request; later ones want another endpoint than before
};

class Balancer {
 public:
  virtual ~Balancer() = default;
  /// These from now on, never none. They stay where they are until the next assign(); weights may change before it.
  virtual void assign(std::span<Candidate* const> candidates) = 0;
  /// Index into what was assigned.
  virtual std::size_t pick(const PickInput& input) noexcept = 0;
};

struct BalancerKind {
  std::string_view name;  // as in the config
  std::string_view doc;   // one line
  bool wants_key = false;
  std::unique_ptr<Balancer> (*make)(std::uint64_t seed) = nullptr;
};

}  // namespace postern
