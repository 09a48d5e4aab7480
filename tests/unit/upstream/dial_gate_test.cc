// Who waits for somebody else's connection, and what they hear.
#include "upstream/dial_gate.h"

#include <gtest/gtest.h>

#include "unit/net/loop_support.h"

namespace postern::upstream {
namespace {

constexpr Error kOk{Code::ok};
constexpr Error kRefused{Code::refused, Side::upstream, Retry::always};

TEST(DialGate, IsOpenWhileADialHasRoom) {
  net::Loop loop;
  DialGate gate(loop);
  EXPECT_FALSE(gate.is_open(2));
  gate.begin();
  EXPECT_TRUE(gate.is_open(2));
  EXPECT_FALSE(gate.is_open(1));
  test::Running<Error> waiter(loop, gate.wait(1'000));
  EXPECT_FALSE(gate.is_open(2));
  gate.begin();
  EXPECT_TRUE(gate.is_open(2));
  gate.end(kOk);
  EXPECT_EQ(waiter.get(), kOk);
  gate.end(kOk);
  EXPECT_FALSE(gate.is_open(2));
  loop.finish();
}

TEST(DialGate, AFailedDialFailsAllThatWait) {
  net::Loop loop;
  DialGate gate(loop);
  gate.begin();
  test::Running<Error> one(loop, gate.wait(1'000));
  test::Running<Error> two(loop, gate.wait(1'000));
  gate.end(kRefused);
  EXPECT_EQ(one.get(), kRefused);
  EXPECT_EQ(two.get(), kRefused);
  loop.finish();
}

TEST(DialGate, NobodyWaitsForEver) {
  net::Loop loop;
  DialGate gate(loop);
  gate.begin();
  test::Running<Error> one(loop, gate.wait(15));
  test::Running<Error> two(loop, gate.wait(1'000));
  EXPECT_EQ(one.get().code, Code::timeout);
  EXPECT_TRUE(gate.is_open(3));
  gate.end(kOk);
  EXPECT_EQ(two.get(), kOk);
  loop.finish();
}

}  // namespace
}  // namespace postern::upstream
