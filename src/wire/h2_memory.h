// nghttp2's allocations from the core's pool of frames: a warm request costs no malloc, and what a connection holds is
// counted. One per session, one core only.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>

#include "base/frame_pool.h"

namespace postern::wire {

class H2Memory {
 public:
  explicit H2Memory(FramePool& pool) noexcept;
  H2Memory(const H2Memory&) = delete;
  H2Memory& operator=(const H2Memory&) = delete;

  nghttp2_mem* functions() noexcept { return &functions_; }
  /// Bytes that nghttp2 holds at present.
  [[nodiscard]] std::size_t held() const noexcept { return held_; }

 private:
  void* allocate(std::size_t size) noexcept;
  void release(void* block) noexcept;
  void* reallocate(void* block, std::size_t size) noexcept;

  FramePool& pool_;
  std::size_t held_ = 0;
  nghttp2_mem functions_;
};

}  // namespace postern::wire
