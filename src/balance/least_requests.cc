// Where the fewest requests are in flight, compared with the weight. Up to sixteen endpoints are all looked at, more of
// them by four samples: the least loaded of four is nearly as good, and the price stays the same.
#include <algorithm>
#include <vector>

#include "base/random.h"
#include "postern/balancer.h"

namespace postern::balance {

namespace {

constexpr std::size_t kLookAtAll = 16;
constexpr std::size_t kSamples = 4;

class LeastRequests final : public Balancer {
 public:
  explicit LeastRequests(std::uint64_t seed) noexcept : random_(seed) {}

  void assign(std::span<Candidate* const> candidates) override {
    candidates_.assign(candidates.begin(), candidates.end());
  }

  std::size_t pick(const PickInput&) noexcept override {
    const std::size_t size = candidates_.size();
    const bool all = size <= kLookAtAll;
    std::size_t best = 0;
    double least = 0;
    for (std::size_t n = 0; n < (all ? size : kSamples); ++n) {
      const std::uint64_t drawn = random_.next();
      const std::size_t index = all ? n : (drawn >> 32) * size >> 32;
      // A part of a request more decides among equals: by chance, and more often for the heavier.
      const double part = static_cast<double>((drawn & 0xffffffff) + 1) / 4294967296.0;
      const double load = (candidates_[index]->in_flight + part) / candidates_[index]->weight;
      if (n != 0 && load >= least) continue;
      best = index;
      least = load;
    }
    return best;
  }

 private:
  std::vector<Candidate*> candidates_;
  Random random_;
};

}  // namespace

extern const BalancerKind kLeastRequests;
constinit const BalancerKind kLeastRequests{
    .name = "least_requests",
    .doc = "Where the fewest requests are in flight, compared with the weight.",
    .make = [](std::uint64_t seed) -> std::unique_ptr<Balancer> { return std::make_unique<LeastRequests>(seed); }};

}  // namespace postern::balance
