// Bytes read from an HTTP/1 connection and not yet used: one leased block, empty while the connection idles.
// Both sides own one per connection; the head's views point into it. One core only.
#pragma once

#include <cstddef>
#include <string_view>

#include "net/stream.h"

namespace postern::wire {

class H1Input {
 public:
  explicit H1Input(net::Stream& stream) noexcept : stream_(stream) {}

  [[nodiscard]] std::string_view unread() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  char* data() noexcept { return buffer_.data() + begin_; }
  void consume(std::size_t bytes) noexcept { begin_ += bytes; }
  /// Undoes consume() of bytes that still stand before the unread ones.
  void unconsume(std::size_t bytes) noexcept { begin_ -= bytes; }

  /// Everything up to `begin` must stay where it is (a head's views point there) until release_kept().
  void keep_consumed() noexcept { kept_ = begin_; }

  /// Reads once, behind what is unread. Leases or enlarges the block as needed; a block whose kept part leaves too
  /// little room is set aside until release_kept(). IoStatus::error with no room left means: too large.
  net::IoResult read(std::size_t wanted) noexcept;

  /// The last read took all that was there: do not try again before the descriptor is ready.
  [[nodiscard]] bool drained() const noexcept { return !stream_.may_read(); }
  [[nodiscard]] bool is_full() const noexcept {
    return buffer_ && end_ == buffer_.size() && begin_ == 0 && buffer_.size() == BufferPool::kLarge;
  }

  /// The message is over: nothing before the unread bytes is needed any more.
  void release_kept() noexcept;
  /// Before a wait: a block in which nothing stands that anybody needs serves others meanwhile.
  void rest() noexcept {
    if (begin_ == end_ && kept_ == 0) release_if_empty();
  }
  /// Nothing at all is held, if nothing is unread.
  void release_if_empty() noexcept;

 private:
  void make_room(std::size_t wanted) noexcept;

  net::Stream& stream_;
  Buffer buffer_;
  Buffer aside_;          // holds a head whose block became too small for its body
  std::size_t kept_ = 0;  // bytes at the front of buffer_ that must stay
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool long_body_ = false;  // reads keep filling the block: larger ones save system calls
};

}  // namespace postern::wire
