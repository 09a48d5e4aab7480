// Consistent hashing with bounded load: equal keys go to the same endpoint on every core and proxy, unless it has more
// than 1.25 times its share of what is in flight here; then to the next one on the ring, which is again the same for
// all. A ring, because its neighbours are what a bounded load and a second try want, and because an endpoint that
// leaves moves its own keys and no others. A table of starting points makes the search one step, whatever its size.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "base/hash.h"
#include "base/random.h"
#include "postern/balancer.h"

namespace postern::balance {

namespace {

constexpr double kBound = 1.25;
constexpr double kPointsEach = 160;       // of an endpoint of average weight
constexpr double kPointsTotal = 1 << 16;  // about
constexpr std::size_t kMaxSkipped = 8;

class HashRing final : public Balancer {
 public:
  explicit HashRing(std::uint64_t seed) noexcept : random_(seed) {}

  void assign(std::span<Candidate* const> candidates) override {
    candidates_.assign(candidates.begin(), candidates.end());
    double weights = 0;
    for (const Candidate* candidate : candidates_) weights += candidate->weight;
    const double size = static_cast<double>(candidates_.size());
    const double each = std::min(kPointsEach, std::max(1.0, kPointsTotal / size));
    points_.clear();
    for (std::uint32_t i = 0; i < candidates_.size(); ++i) {
      const Candidate& candidate = *candidates_[i];
      const double wanted = std::clamp(each * size * candidate.weight / weights, 1.0, kPointsTotal);
      const auto count = static_cast<std::uint64_t>(std::lround(wanted));
      for (std::uint64_t n = 1; n <= count; ++n) points_.push_back({mix_hash(candidate.id + mix_hash(n)), i});
    }
    std::ranges::sort(points_, {}, [](const Point& p) { return std::pair(p.at, p.index); });
    index_points();
  }

  std::size_t pick(const PickInput& input) noexcept override {
    const std::size_t size = candidates_.size();
    if (size == 1) return 0;
    std::size_t point = find(input.has_key ? mix_hash(input.key) : random_.next());
    std::array<std::uint32_t, kMaxSkipped> skipped;
    std::size_t skips = 0;
    double room = 0;  // requests in flight for a weight of one; 0: not asked yet
    const std::size_t to_skip = std::min<std::size_t>({input.attempt, size - 1, kMaxSkipped});
    for (std::size_t seen = 0; seen < points_.size(); ++seen, ++point) {
      if (point == points_.size()) point = 0;
      const std::uint32_t index = points_[point].index;
      const auto end = skipped.begin() + static_cast<std::ptrdiff_t>(skips);
      if (std::find(skipped.begin(), end, index) != end) continue;
      if (skips < to_skip) {
        skipped[skips++] = index;
      } else {
        const Candidate& candidate = *candidates_[index];
        if (candidate.in_flight == 0) return index;
        if (room == 0) room = room_for_one();
        if (candidate.in_flight < std::ceil(room * candidate.weight)) return index;
      }
    }
    return points_[point % points_.size()].index;  // whoever has room was tried before
  }

 private:
  struct Point {
    std::uint64_t at;
    std::uint32_t index;
  };

  void index_points() {
    shift_ = 64 - static_cast<int>(std::bit_width(points_.size()));
    starts_.assign((std::size_t{1} << (64 - shift_)) + 1, static_cast<std::uint32_t>(points_.size()));
    for (std::size_t i = points_.size(); i-- > 0;) starts_[points_[i].at >> shift_] = static_cast<std::uint32_t>(i);
    for (std::size_t i = starts_.size() - 1; i-- > 0;) starts_[i] = std::min(starts_[i], starts_[i + 1]);
  }
  std::size_t find(std::uint64_t key) const noexcept {
    std::size_t point = starts_[key >> shift_];
    while (point < points_.size() && points_[point].at < key) ++point;
    return point == points_.size() ? 0 : point;
  }
  double room_for_one() const noexcept {
    double weights = 0;
    double in_flight = 1;
    for (const Candidate* candidate : candidates_) {
      weights += candidate->weight;
      in_flight += candidate->in_flight;
    }
    return kBound * in_flight / weights;
  }

  std::vector<Candidate*> candidates_;
  std::vector<Point> points_;          // by place on the ring
  std::vector<std::uint32_t> starts_;  // by the highest bits of a place: the first point from there on
  int shift_ = 63;
  Random random_;
};

}  // namespace

extern const BalancerKind kHash;
constinit const BalancerKind kHash{
    .name = "hash",
    .doc = "Equal keys to the same endpoint (balance.key), as long as it is not overloaded.",
    .wants_key = true,
    .make = [](std::uint64_t seed) -> std::unique_ptr<Balancer> { return std::make_unique<HashRing>(seed); }};

}  // namespace postern::balance
