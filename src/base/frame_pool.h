// Free lists of coroutine frames, one pool per core: after warm-up a Task costs no malloc.
// One core only, never shared. A frame goes back to the pool that it came from.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace postern {

class FramePool {
 public:
  FramePool() = default;
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;
  ~FramePool();

  /// Blocks of one size class; larger than the largest class falls through to the heap.
  void* allocate(std::size_t size);
  void deallocate(void* p, std::size_t size) noexcept;

  /// Frames that the pool holds ready; for tests and the memory metric.
  [[nodiscard]] std::size_t idle_bytes() const noexcept { return idle_bytes_; }

 private:
  static constexpr std::size_t kStep = 128;
  static constexpr std::size_t kClasses = 64;             // up to 8 KiB
  static constexpr std::size_t kMaxIdleBytes = 4u << 20;  // a burst does not stay for ever
  struct Free {
    Free* next;
  };

  std::array<Free*, kClasses> free_{};
  std::size_t idle_bytes_ = 0;
};

/// What a coroutine's first argument (or its object) offers so that its frame comes from the core's pool.
template <class T>
concept HasFrames = requires(T& t) {
  { t.frames() } -> std::same_as<FramePool&>;
};

}  // namespace postern
