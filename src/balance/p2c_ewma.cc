// The better of two that chance proposes: the one where a request can expect to wait less, by what is in flight there
// and by the latency it showed lately. Two are enough: no endpoint is everybody's favourite at once, as the single best
// one would be, and one that has become slow is left within its first slow answers.
#include <vector>

#include "base/peak_ewma.h"
#include "base/random.h"
#include "postern/balancer.h"

namespace postern::balance {

namespace {

/// Dearer than any endpoint that is known: one without a latency yet has one request at a time, not a flood.
constexpr double kUnknown = 1e15;

class P2cEwma final : public Balancer {
 public:
  explicit P2cEwma(std::uint64_t seed) noexcept : random_(seed) {}

  void assign(std::span<Candidate* const> candidates) override {
    candidates_.assign(candidates.begin(), candidates.end());
  }

  std::size_t pick(const PickInput& input) noexcept override {
    const std::uint64_t size = candidates_.size();
    if (size == 1) return 0;
    const std::uint64_t drawn = random_.next();
    const std::size_t one = (drawn & 0xffffffff) * size >> 32;
    std::size_t other = (drawn >> 32) * (size - 1) >> 32;
    if (other >= one) ++other;
    return cost(*candidates_[other], input.now) < cost(*candidates_[one], input.now) ? other : one;
  }

 private:
  static double cost(const Candidate& candidate, Nanoseconds now) noexcept {
    if (candidate.latency_ns <= 0) return candidate.in_flight * kUnknown / candidate.weight;
    const double latency = aged_latency(candidate.latency_ns, now - candidate.latency_at);
    return (candidate.in_flight + 1) * latency / candidate.weight;
  }

  std::vector<Candidate*> candidates_;
  Random random_;
};

}  // namespace

extern const BalancerKind kP2cEwma;
constinit const BalancerKind kP2cEwma{
    .name = "p2c_ewma",
    .doc = "The better of two at random, by requests in flight times recent latency (the default).",
    .make = [](std::uint64_t seed) -> std::unique_ptr<Balancer> { return std::make_unique<P2cEwma>(seed); }};

}  // namespace postern::balance
