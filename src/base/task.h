// Task<T>: a lazy coroutine that one other coroutine awaits, or that a TaskGroup runs.
// Everything happens on one core's thread. No exceptions cross a Task: one that escapes ends the process,
// since the request path reports errors by Result.
//
// Why not asio::awaitable: its frames cannot come from a pool of ours, an idle connection pays for its
// entry frames, and each awaited operation costs a frame (docs/decisions/0001-own-task.md).
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <optional>
#include <utility>

#include "base/frame_pool.h"

namespace postern {

template <class T>
class Task;

namespace detail {

/// The pool of the first argument that has one; nullptr: the heap.
inline FramePool* find_frames() noexcept { return nullptr; }
template <class First, class... Rest>
FramePool* find_frames(First& first, Rest&... rest) noexcept {
  if constexpr (HasFrames<First>) {
    return &first.frames();
  } else {
    return find_frames(rest...);
  }
}

/// Where a task stands between its start and its end. `running`: the awaiter is still inside start(), so an
/// end now is reported by the flag and not by resuming it: loops of tasks that never suspend use no stack.
enum class Progress : unsigned char { running, suspended, done };

class PromiseBase {
 public:
  template <class... Args>
  static void* operator new(std::size_t size, Args&... args) {
    FramePool* pool = find_frames(args...);
    const std::size_t total = size + kHeader;
    void* block = pool ? pool->allocate(total) : ::operator new(total);
    *static_cast<FramePool**>(block) = pool;
    return static_cast<char*>(block) + kHeader;
  }
  static void operator delete(void* p, std::size_t size) noexcept {
    void* block = static_cast<char*>(p) - kHeader;
    if (FramePool* pool = *static_cast<FramePool**>(block)) {
      pool->deallocate(block, size + kHeader);
    } else {
      ::operator delete(block);
    }
  }

  std::suspend_always initial_suspend() noexcept { return {}; }
  [[noreturn]] void unhandled_exception() noexcept { std::abort(); }

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h) noexcept {
      PromiseBase& p = h.promise();
      const bool resume = p.progress == Progress::suspended;
      p.progress = Progress::done;
      return resume && p.continuation ? p.continuation : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }

  std::coroutine_handle<> continuation;
  Progress progress = Progress::running;

 private:
  static constexpr std::size_t kHeader = __STDCPP_DEFAULT_NEW_ALIGNMENT__;
};

template <class T>
struct Promise : PromiseBase {
  Task<T> get_return_object() noexcept;
  template <class U>
    requires std::constructible_from<T, U&&>
  void return_value(U&& v) noexcept(std::is_nothrow_constructible_v<T, U&&>) {
    value.emplace(std::forward<U>(v));
  }
  T take() noexcept { return std::move(*value); }
  std::optional<T> value;
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() noexcept {}
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    Handle handle;
    bool await_ready() noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> continuation) noexcept {
      promise_type& p = handle.promise();
      p.continuation = continuation;
      handle.resume();
      if (p.progress == detail::Progress::done) return false;
      p.progress = detail::Progress::suspended;
      return true;
    }
    T await_resume() noexcept { return handle.promise().take(); }
  };
  Awaiter operator co_await() & noexcept { return Awaiter{handle_}; }
  Awaiter operator co_await() && noexcept { return Awaiter{handle_}; }

 private:
  Handle handle_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace postern
