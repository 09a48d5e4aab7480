// Stages of overload over a time that the test makes up.
#include "server/overload.h"

#include <gtest/gtest.h>

namespace postern::server {
namespace {

class OverloadTest : public ::testing::Test {
 protected:
  OverloadTest() {
    marks_.close_idle = {80, 80, {}};
    marks_.refuse_connections = {90, 90, std::chrono::milliseconds(2000)};
    marks_.refuse_requests = {95, 95, std::chrono::milliseconds(5000)};
  }
  Stage after(std::uint64_t memory, std::uint64_t files, std::int64_t lag_ms, std::int64_t now_ms) {
    changed_ = overload_.update(marks_, {memory, 100, files, 100, lag_ms}, now_ms);
    return overload_.stage();
  }
  config::Overload marks_;
  Overload overload_;
  bool changed_ = false;
};

TEST_F(OverloadTest, RisesAtOnceAsFarAsNeeded) {
  EXPECT_EQ(after(79, 79, 1999, 0), Stage::none);
  EXPECT_FALSE(changed_);
  EXPECT_EQ(after(80, 0, 0, 100), Stage::close_idle);
  EXPECT_TRUE(changed_);
  EXPECT_EQ(overload_.reason(), "memory");
  EXPECT_EQ(after(80, 95, 0, 200), Stage::refuse_requests);
  EXPECT_EQ(overload_.reason(), "files");
  EXPECT_TRUE(overload_.closes_idle());
}

TEST_F(OverloadTest, FallsStepByStepAndOnlyWellBelowTheMark) {
  EXPECT_EQ(after(96, 0, 0, 0), Stage::refuse_requests);
  EXPECT_EQ(after(90, 0, 0, 5000), Stage::refuse_requests) << "within a tenth of the mark";
  EXPECT_EQ(after(85, 0, 0, 5100), Stage::refuse_requests) << "not for long yet";
  EXPECT_EQ(after(85, 0, 0, 6000), Stage::refuse_connections);
  EXPECT_TRUE(changed_);
  EXPECT_EQ(after(85, 0, 0, 9000), Stage::refuse_connections) << "85 is within a tenth of 90";
  EXPECT_EQ(after(10, 0, 0, 9999), Stage::refuse_connections);
  EXPECT_EQ(after(10, 0, 0, 10000), Stage::close_idle);
  EXPECT_EQ(after(10, 0, 0, 10999), Stage::close_idle);
  EXPECT_EQ(after(10, 0, 0, 11000), Stage::none);
}

TEST_F(OverloadTest, LatenessClosesNoIdleConnections) {
  EXPECT_EQ(after(0, 0, 2000, 0), Stage::refuse_connections);
  EXPECT_EQ(overload_.reason(), "lag");
  EXPECT_FALSE(overload_.closes_idle());
}

TEST_F(OverloadTest, AMarkOfZeroNeverMatters) {
  marks_.close_idle = marks_.refuse_connections = {};
  EXPECT_EQ(after(94, 94, 4999, 0), Stage::none);
  EXPECT_EQ(after(95, 0, 0, 0), Stage::refuse_requests);
}

TEST_F(OverloadTest, CanBeSwitchedOff) {
  EXPECT_EQ(after(96, 0, 0, 0), Stage::refuse_requests);
  marks_.enabled = false;
  EXPECT_EQ(after(96, 0, 0, 100), Stage::none);
  EXPECT_TRUE(changed_);
  EXPECT_EQ(after(96, 0, 0, 200), Stage::none);
  EXPECT_FALSE(changed_);
}

TEST_F(OverloadTest, UnknownLimitsAreNeverReached) {
  Resources now;
  now.memory = now.files = 1'000'000;
  EXPECT_EQ(now.memory_permil(), 0);
  EXPECT_FALSE(overload_.update(marks_, now, 0));
}

TEST(ResourceSampling, SeesThisProcess) {
  ResourceSampler sampler;
  const Resources now = sampler.sample(0, 1);
  EXPECT_GT(now.memory, 1u << 20);
  EXPECT_GT(now.memory_limit, now.memory);
  EXPECT_GT(now.files, 3u);
  EXPECT_GT(now.files_limit, now.files);
  EXPECT_EQ(sampler.sample(12345, 2).memory_limit, 12345u);
}

}  // namespace
}  // namespace postern::server
