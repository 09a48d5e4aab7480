// See byte_ring.h.
#include "base/byte_ring.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace postern {

ByteRing::ByteRing(std::size_t bytes)
    : mask_(std::bit_ceil(std::max(bytes, kMinBytes)) - 1),
      memory_(std::make_unique_for_overwrite<char[]>(mask_ + 1)) {}

namespace {

constexpr std::uint64_t kAhead = 512;

}  // namespace

bool ByteRing::has_room(std::uint64_t end) noexcept {
  if (end - seen_head_ <= capacity()) return true;
  seen_head_ = head_.load(std::memory_order_acquire);
  return end - seen_head_ <= capacity();
}

char* ByteRing::reserve(std::size_t bytes) noexcept {
  std::uint64_t position = tail_.load(std::memory_order_relaxed);
  const std::uint64_t size = size_of(bytes);
  const std::uint64_t to_end = capacity() - (position & mask_);
  const bool must_skip = size > to_end;
  const std::uint64_t end = position + size + (must_skip ? to_end : 0);
  if (bytes > capacity() / 4 || !has_room(end)) {
    dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return nullptr;
  }
  if (must_skip) {
    std::memcpy(at(position), &kSkip, sizeof kSkip);  // positions are multiples of 8: there is room
    position += to_end;
  }
  reserved_ = position;
  return at(position) + kHeader;
}

void ByteRing::commit(std::size_t bytes) noexcept {
  const auto length = static_cast<Length>(bytes);
  std::memcpy(at(reserved_), &length, sizeof length);
  const std::uint64_t end = reserved_ + size_of(bytes);
  tail_.store(end, std::memory_order_release);
  // By the time of the next record its place is in the cache: waiting for it was half of a record's cost.
  for (std::uint64_t line = 0; line < kAhead; line += 64) __builtin_prefetch(at(end + line), 1);
}

bool ByteRing::holds_more_than(std::uint64_t bytes) noexcept {
  const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
  if (tail - seen_head_ <= bytes) return false;
  seen_head_ = head_.load(std::memory_order_acquire);
  return tail - seen_head_ > bytes;
}

bool ByteRing::refresh() noexcept {
  seen_tail_ = tail_.load(std::memory_order_acquire);
  return seen_tail_ != cursor_;
}

std::span<const char> ByteRing::front() noexcept {
  std::uint64_t position = cursor_;
  if (position == seen_tail_) return {};
  Length length = 0;
  std::memcpy(&length, at(position), sizeof length);
  if (length == kSkip) {  // a record always follows: both were published at once
    position += capacity() - (position & mask_);
    std::memcpy(&length, at(position), sizeof length);
  }
  next_ = position + size_of(length);
  return {at(position) + kHeader, length};
}

void ByteRing::pop() noexcept {
  skip();
  release();
}

}  // namespace postern
