#include "wire/h1_input.h"

#include <algorithm>
#include <cstring>

namespace postern::wire {

namespace {
/// Less room than this behind a kept head is not worth a read of a long body.
constexpr std::size_t kWorthReading = 4096;
}  // namespace

void H1Input::make_room(std::size_t wanted) noexcept {
  BufferPool& pool = stream_.loop().buffers();
  if (!buffer_) {
    buffer_ = long_body_ ? pool.large() : pool.small();
    begin_ = end_ = kept_ = 0;
    return;
  }
  if (begin_ == end_) begin_ = end_ = kept_;
  const std::size_t room = buffer_.size() - end_;
  if (room >= std::min(wanted, kWorthReading) && !(long_body_ && buffer_.size() == BufferPool::kSmall && empty()))
    return;
  if (kept_ == 0 && begin_ > 0) {  // a head that arrives in pieces, or pipelined ones: to the front
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (buffer_.size() - end_ >= std::min(wanted, kWorthReading)) return;
  }
  if (kept_ == 0 && buffer_.size() == BufferPool::kLarge) return;  // as large as it gets
  Buffer next = (long_body_ || kept_ == 0 || end_ - begin_ > BufferPool::kSmall / 2) ? pool.large() : pool.small();
  const std::size_t unread = end_ - begin_;
  std::memcpy(next.data(), buffer_.data() + begin_, unread);
  if (kept_ > 0 && !aside_) aside_ = std::move(buffer_);
  buffer_ = std::move(next);
  kept_ = 0;
  begin_ = 0;
  end_ = unread;
}

net::IoResult H1Input::read(std::size_t wanted) noexcept {
  make_room(wanted);
  const std::size_t room = buffer_.size() - end_;
  if (room == 0) return {0, net::IoStatus::error};
  const net::IoResult got = stream_.read({buffer_.data() + end_, room});
  end_ += got.bytes;
  long_body_ = got.bytes == room && wanted > BufferPool::kSmall;
  return got;
}

void H1Input::release_kept() noexcept {
  kept_ = 0;
  aside_.release();
  long_body_ = false;
  release_if_empty();
}

void H1Input::release_if_empty() noexcept {
  if (begin_ != end_) return;
  begin_ = end_ = 0;
  if (kept_ == 0)
    buffer_.release();
  else
    begin_ = end_ = kept_;
}

}  // namespace postern::wire
