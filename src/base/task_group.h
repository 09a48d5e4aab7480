// Runs tasks that nobody awaits in line, and lets one owner wait for them all.
// One core only. The group outlives its tasks: join() before it goes.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

#include "base/task.h"

namespace postern {

class TaskGroup {
 public:
  explicit TaskGroup(FramePool& frames) noexcept : frames_(frames) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Runs the task up to its first suspension before it returns.
  void start(Task<void> task) {
    ++running_;
    run(*this, std::move(task));
  }

  [[nodiscard]] std::size_t running() const noexcept { return running_; }
  FramePool& frames() noexcept { return frames_; }

  /// Waits until nothing runs. One waiter at a time.
  auto join() noexcept {
    struct Awaiter {
      TaskGroup& group;
      bool await_ready() const noexcept { return group.running_ == 0; }
      void await_suspend(std::coroutine_handle<> h) noexcept { group.joiner_ = h; }
      void await_resume() noexcept {}
    };
    return Awaiter{*this};
  }

 private:
  /// A coroutine that starts at once and destroys itself at its end.
  struct Root {
    struct promise_type : detail::PromiseBase {
      Root get_return_object() noexcept { return {}; }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept { return {}; }
      void return_void() noexcept {}
    };
  };
  static Root run(TaskGroup& group, Task<void> task) {
    co_await std::move(task);
    group.ended();
  }
  void ended() noexcept {
    if (--running_ == 0 && joiner_) std::exchange(joiner_, nullptr).resume();
  }

  FramePool& frames_;
  std::size_t running_ = 0;
  std::coroutine_handle<> joiner_;
};

}  // namespace postern
