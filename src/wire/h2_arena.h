// Room for the texts of one stream's heads: HPACK hands them out one by one, and they must stand still while the
// exchange lasts. The first bytes are the stream's own, more are leased. One core only.
#pragma once

#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/buffer_pool.h"

namespace postern::wire {

class H2Arena {
 public:
  static constexpr std::size_t kOwn = 2048;

  /// Never copied elsewhere, valid until clear(). nullptr data when it is longer than the largest block.
  std::string_view keep(BufferPool& pool, std::string_view text) {
    char* const room = reserve(pool, text.size());
    if (!room) return {};
    std::memcpy(room, text.data(), text.size());
    return {room, text.size()};
  }
  /// Room for `size` bytes that belong to the caller until clear().
  char* reserve(BufferPool& pool, std::size_t size) {
    if (size > left_) {
      if (size > BufferPool::kLarge) return nullptr;
      more_.push_back(size > BufferPool::kSmall ? pool.large() : pool.small());
      next_ = more_.back().data();
      left_ = more_.back().size();
    }
    char* const room = next_;
    next_ += size;
    left_ -= size;
    return room;
  }
  void clear() noexcept {
    more_.clear();
    next_ = own_.data();
    left_ = own_.size();
  }

 private:
  std::array<char, kOwn> own_;  // raw until used
  std::vector<Buffer> more_;
  char* next_ = own_.data();
  std::size_t left_ = kOwn;
};

}  // namespace postern::wire
