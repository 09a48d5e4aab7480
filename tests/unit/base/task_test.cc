// Tasks: ends without suspension use no stack, suspension and resumption, moves, frames from the pool.
#include "base/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/task_group.h"

namespace postern {
namespace {

struct Pooled {
  FramePool pool;
  FramePool& frames() noexcept { return pool; }
};

struct Gate {
  std::coroutine_handle<> waiter;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) noexcept { waiter = h; }
  void await_resume() const noexcept {}
  void open() { std::exchange(waiter, nullptr).resume(); }
};

Task<int> add(Pooled&, int a, int b) { co_return a + b; }

Task<void> sum_up(Pooled& pooled, int times, long& out) {
  for (int i = 0; i < times; ++i) {
    const int value = co_await add(pooled, i, 1);
    out += value;
  }
}

Task<int> nested(Pooled& pooled, int depth) {
  if (depth == 0) co_return 0;
  const int below = co_await nested(pooled, depth - 1);
  co_return below + 1;
}

Task<int> wait_at(Pooled&, Gate& gate, int value) {
  co_await gate;
  co_return value;
}

Task<void> wait_twice(Pooled& pooled, Gate& gate, int& steps) {
  steps += co_await wait_at(pooled, gate, 1);
  steps += co_await wait_at(pooled, gate, 10);
}

Task<std::unique_ptr<std::string>> make_text(Pooled&) { co_return std::make_unique<std::string>("moved"); }

Task<void> take_text(Pooled& pooled, std::string& out) {
  const std::unique_ptr<std::string> text = co_await make_text(pooled);
  out = *text;
}

Task<void> keep_value(Pooled& pooled, int depth, int& out) { out = co_await nested(pooled, depth); }

struct Witness {
  int& gone;
  ~Witness() { ++gone; }
};
Task<void> hold(Pooled&, std::unique_ptr<Witness> witness) {
  static_cast<void>(witness);
  co_return;
}

TEST(Task, ALongLoopOfTasksThatNeverSuspendUsesNoStack) {
  Pooled pooled;
  TaskGroup group(pooled.pool);
  long sum = 0;
  group.start(sum_up(pooled, 1'000'000, sum));
  EXPECT_EQ(sum, 500'000'500'000L);
  EXPECT_EQ(group.running(), 0u);
}

TEST(Task, NestedTasksReturnTheirValues) {
  Pooled pooled;
  TaskGroup group(pooled.pool);
  int depth = 0;
  group.start(keep_value(pooled, 100, depth));
  EXPECT_EQ(depth, 100);
}

TEST(Task, ResumesWhoAwaitsIt) {
  Pooled pooled;
  TaskGroup group(pooled.pool);
  Gate gate;
  int steps = 0;
  group.start(wait_twice(pooled, gate, steps));
  EXPECT_EQ(steps, 0);
  gate.open();
  EXPECT_EQ(steps, 1);
  gate.open();
  EXPECT_EQ(steps, 11);
  EXPECT_EQ(group.running(), 0u);
}

TEST(Task, CarriesValuesThatOnlyMove) {
  Pooled pooled;
  TaskGroup group(pooled.pool);
  std::string text;
  group.start(take_text(pooled, text));
  EXPECT_EQ(text, "moved");
}

TEST(Task, OneThatIsNeverAwaitedGivesBackItsArguments) {
  Pooled pooled;
  int gone = 0;
  {
    Task<void> task = hold(pooled, std::make_unique<Witness>(gone));
    Task<void> moved = std::move(task);
    EXPECT_EQ(gone, 0);
  }
  EXPECT_EQ(gone, 1);
}

TEST(Task, FramesComeFromThePoolAndGoBack) {
  Pooled pooled;
  EXPECT_EQ(pooled.pool.idle_bytes(), 0u);
  { const Task<int> task = add(pooled, 1, 2); }
  const std::size_t idle = pooled.pool.idle_bytes();
  EXPECT_GT(idle, 0u);
  { const Task<int> task = add(pooled, 1, 2); }
  EXPECT_EQ(pooled.pool.idle_bytes(), idle);
}

}  // namespace
}  // namespace postern
