// A request's body on its way through, with a copy of its first bytes for another try: as long as those are all of it
// so far, it can start over. Takes one block of the pool, no heap.
// Used by the forwarder where a request may be repeated and its body is not in one piece with its head. One core only.
#pragma once

#include "base/buffer_pool.h"
#include "postern/exchange.h"

namespace postern::proxy {

class HeldBody final : public BodySource {
 public:
  /// More cannot be held. `expected`: the length, where it is known; 0: it is not.
  static constexpr std::size_t kMost = BufferPool::kLarge;

  HeldBody(BodySource& source, BufferPool& buffers, std::uint64_t expected)
      : source_(source), block_(expected != 0 && expected <= BufferPool::kSmall ? buffers.small() : buffers.large()) {}

  /// From the beginning. False: part of it is gone.
  bool rewind() noexcept {
    if (lost_) return false;
    next_ = 0;
    return true;
  }
  /// The answer has begun: there will be no other try.
  void let_go() noexcept {
    if (next_ != held_) return;  // it is being read from
    lost_ = true;
    block_.release();
    next_ = held_ = 0;
  }

  FramePool& frames() noexcept override { return source_.frames(); }
  std::string_view peek() noexcept override {
    return next_ < held_ ? std::string_view(block_.data() + next_, held_ - next_) : source_.peek();
  }
  void consume(std::size_t bytes) noexcept override;
  [[nodiscard]] bool at_end() const noexcept override { return next_ == held_ && source_.at_end(); }
  Task<Result<void>> fill() override { return source_.fill(); }
  [[nodiscard]] const http::Fields& trailers() const noexcept override { return source_.trailers(); }
  [[nodiscard]] std::uint64_t received() const noexcept override { return source_.received(); }

 private:
  BodySource& source_;
  Buffer block_;
  std::size_t held_ = 0;
  std::size_t next_ = 0;  // of what is held; held_: the source's own bytes are next
  bool lost_ = false;
};

}  // namespace postern::proxy
