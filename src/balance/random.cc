// By chance, as the weights say. Draws until a candidate's weight stands up to the heaviest one's, which takes a draw
// or two where weights are alike; after a few draws in vain it adds the weights up instead. Both are exact.
#include "base/random.h"

#include <vector>

#include "postern/balancer.h"

namespace postern::balance {

namespace {

constexpr int kDraws = 16;

class RandomBalancer final : public Balancer {
 public:
  explicit RandomBalancer(std::uint64_t seed) noexcept : random_(seed) {}

  void assign(std::span<Candidate* const> candidates) override {
    candidates_.assign(candidates.begin(), candidates.end());
    heaviest_ = 0;
    for (const Candidate* candidate : candidates_) note(*candidate);
  }

  std::size_t pick(const PickInput&) noexcept override {
    const std::uint64_t size = candidates_.size();
    for (int draw = 0; draw < kDraws; ++draw) {
      const std::uint64_t drawn = random_.next();
      const std::size_t index = (drawn >> 32) * size >> 32;
      note(*candidates_[index]);
      if (part(drawn) * heaviest_ < candidates_[index]->weight) return index;
    }
    return by_sum();
  }

 private:
  static double part(std::uint64_t drawn) noexcept { return static_cast<double>(drawn & 0xffffffff) / 4294967296.0; }
  void note(const Candidate& candidate) noexcept {
    if (candidate.weight > heaviest_) heaviest_ = candidate.weight;
  }
  std::size_t by_sum() noexcept {
    double sum = 0;
    for (const Candidate* candidate : candidates_) sum += candidate->weight;
    double left = part(random_.next()) * sum;
    std::size_t index = 0;
    while (index + 1 < candidates_.size() && left >= candidates_[index]->weight) left -= candidates_[index++]->weight;
    return index;
  }

  std::vector<Candidate*> candidates_;
  double heaviest_ = 0;
  Random random_;
};

}  // namespace

extern const BalancerKind kRandom;
constinit const BalancerKind kRandom{
    .name = "random",
    .doc = "By chance, as the weights say.",
    .make = [](std::uint64_t seed) -> std::unique_ptr<Balancer> { return std::make_unique<RandomBalancer>(seed); }};

}  // namespace postern::balance
