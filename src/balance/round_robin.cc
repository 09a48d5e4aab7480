// In turn, each as often as its weight says and as evenly spaced as that allows: every endpoint has a date at which it
// is due next, 1/weight after the last one, and the earliest is picked. A heap finds it: log(n), whatever the weights.
// Weights that change take effect with the endpoint's next turn.
#include <algorithm>
#include <vector>

#include "postern/balancer.h"

namespace postern::balance {

namespace {

class RoundRobin final : public Balancer {
 public:
  explicit RoundRobin(std::uint64_t seed) noexcept : seed_(seed) {}

  void assign(std::span<Candidate* const> candidates) override {
    turns_.clear();
    const std::size_t size = candidates.size();
    // Cores begin at different endpoints.
    for (std::size_t i = 0; i < size; ++i) {
      const auto place = static_cast<std::uint32_t>((i + seed_ % size) % size);
      turns_.push_back({1 / candidates[i]->weight, place, static_cast<std::uint32_t>(i), candidates[i]});
    }
    std::ranges::make_heap(turns_, later);
  }

  std::size_t pick(const PickInput&) noexcept override {
    std::ranges::pop_heap(turns_, later);
    Turn& turn = turns_.back();
    const std::size_t index = turn.index;
    turn.due += 1 / turn.candidate->weight;
    std::ranges::push_heap(turns_, later);
    return index;
  }

 private:
  struct Turn {
    double due;
    std::uint32_t place;  // among those that are due at once
    std::uint32_t index;
    const Candidate* candidate;
  };
  static bool later(const Turn& a, const Turn& b) noexcept {
    return a.due != b.due ? a.due > b.due : a.place > b.place;
  }

  std::vector<Turn> turns_;  // a heap, the earliest on top
  const std::uint64_t seed_;
};

}  // namespace

extern const BalancerKind kRoundRobin;
constinit const BalancerKind kRoundRobin{
    .name = "round_robin",
    .doc = "In turn, as often as the weights say.",
    .make = [](std::uint64_t seed) -> std::unique_ptr<Balancer> { return std::make_unique<RoundRobin>(seed); }};

}  // namespace postern::balance
