#include "upstream/adaptive_limit.h"

#include <gtest/gtest.h>

namespace postern::upstream {
namespace {

constexpr Nanoseconds kMs = 1'000'000;

/// An endpoint that works on `width` requests at a time, 10 ms each; more wait in its own queue. The client always
/// has as many on the way as the limit allows, `offered` at most.
struct Endpoint {
  double width = 10;
  double service_ms = 10;
  Nanoseconds now = 1000 * kMs;

  void run(AdaptiveLimit& limit, int seconds, std::uint32_t offered) {
    const Nanoseconds end = now + seconds * 1000 * kMs;
    while (now < end) {
      const std::uint32_t in_flight = std::min(limit.limit(), offered);
      const double latency = service_ms * std::max(1.0, in_flight / width);
      now += static_cast<Nanoseconds>(latency / in_flight * static_cast<double>(kMs));
      limit.sample(static_cast<Nanoseconds>(latency * static_cast<double>(kMs)), in_flight, now);
    }
  }
};

TEST(AdaptiveLimit, GrowsWhileLatencyStays) {
  AdaptiveLimit limit({.initial = 4, .max = 200});
  Endpoint endpoint{.width = 100};
  endpoint.run(limit, 60, 1000);
  EXPECT_GE(limit.limit(), 90u);
}

TEST(AdaptiveLimit, ShrinksWhereTheEndpointSaturates) {
  AdaptiveLimit limit({.initial = 4, .max = 1000});
  Endpoint endpoint{.width = 10};
  endpoint.run(limit, 120, 1000);
  // Up to what the tolerance allows (15), and what the growth adds to find out.
  EXPECT_GE(limit.limit(), 10u);
  EXPECT_LE(limit.limit(), 30u);
}

TEST(AdaptiveLimit, FollowsAnEndpointThatLosesItsWidth) {
  AdaptiveLimit limit({.initial = 4, .max = 1000});
  Endpoint endpoint{.width = 50};
  endpoint.run(limit, 60, 1000);
  const std::uint32_t before = limit.limit();
  endpoint.width = 5;
  endpoint.run(limit, 100, 1000);  // three measurements, as the loss may fall right before one
  EXPECT_LT(limit.limit(), before / 3);
  EXPECT_LT(limit.limit(), 20u);
}

TEST(AdaptiveLimit, DoesNotGrowByTrafficThatDoesNotNeedIt) {
  AdaptiveLimit limit({.initial = 20});
  Endpoint endpoint{.width = 100};
  endpoint.run(limit, 30, 3);
  EXPECT_EQ(limit.limit(), 20u);
}

TEST(AdaptiveLimit, DropsShrinkItOncePerCrowd) {
  AdaptiveLimit limit({.initial = 100});
  for (int i = 0; i < 50; ++i) limit.drop(1000 * kMs + i * kMs);
  EXPECT_EQ(limit.limit(), 90u);
  for (int i = 0; i < 100; ++i) limit.drop((2000 + 200 * i) * kMs);
  EXPECT_EQ(limit.limit(), 1u);
  EXPECT_TRUE(limit.has_room(0));
  EXPECT_FALSE(limit.has_room(1));
}

TEST(AdaptiveLimit, StaysWithinItsSettings) {
  const AdaptiveLimit limit({.initial = 20, .min = 1, .max = 5});
  EXPECT_EQ(limit.limit(), 5u);
}

}  // namespace
}  // namespace postern::upstream
