// Groups: who is running, and who waits for them.
#include "base/task_group.h"

#include <gtest/gtest.h>

#include <vector>

namespace postern {
namespace {

struct Gates {
  FramePool pool;
  std::vector<std::coroutine_handle<>> waiting;
  FramePool& frames() noexcept { return pool; }
  struct Wait {
    Gates& gates;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) { gates.waiting.push_back(h); }
    void await_resume() const noexcept {}
  };
  void open_all() {
    for (const auto handle : std::exchange(waiting, {})) handle.resume();
  }
};

Task<void> wait(Gates& gates) { co_await Gates::Wait{gates}; }
Task<void> at_once(Gates&) { co_return; }
Task<void> join(Gates&, TaskGroup& group, bool& joined) {
  co_await group.join();
  joined = true;
}
/// Starts its successor just before it ends.
Task<void> relay(Gates& gates, TaskGroup& group, int left) {
  co_await Gates::Wait{gates};
  if (left > 0) group.start(relay(gates, group, left - 1));
}

TEST(TaskGroup, JoinOfNothingDoesNotWait) {
  Gates gates;
  TaskGroup group(gates.pool), joiners(gates.pool);
  bool joined = false;
  group.start(at_once(gates));
  joiners.start(join(gates, group, joined));
  EXPECT_TRUE(joined);
}

TEST(TaskGroup, JoinWaitsForTheLast) {
  Gates gates;
  TaskGroup group(gates.pool), joiners(gates.pool);
  bool joined = false;
  for (int i = 0; i < 3; ++i) group.start(wait(gates));
  EXPECT_EQ(group.running(), 3u);
  joiners.start(join(gates, group, joined));
  gates.waiting.front().resume();
  gates.waiting.erase(gates.waiting.begin());
  EXPECT_EQ(group.running(), 2u);
  EXPECT_FALSE(joined);
  gates.open_all();
  EXPECT_TRUE(joined);
}

TEST(TaskGroup, JoinSeesTasksThatWereStartedMeanwhile) {
  Gates gates;
  TaskGroup group(gates.pool), joiners(gates.pool);
  bool joined = false;
  group.start(relay(gates, group, 3));
  joiners.start(join(gates, group, joined));
  for (int i = 0; i < 3; ++i) {
    gates.open_all();
    EXPECT_FALSE(joined);
  }
  gates.open_all();
  EXPECT_TRUE(joined);
}

TEST(TaskGroup, CanBeJoinedAgain) {
  Gates gates;
  TaskGroup group(gates.pool), joiners(gates.pool);
  for (int round = 0; round < 2; ++round) {
    bool joined = false;
    group.start(wait(gates));
    joiners.start(join(gates, group, joined));
    EXPECT_FALSE(joined);
    gates.open_all();
    EXPECT_TRUE(joined);
  }
}

}  // namespace
}  // namespace postern
