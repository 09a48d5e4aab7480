// A head on its way to nghttp2: pseudo fields and fields as the array that it wants. Both sides build one on the stack.
// Views only: nghttp2 copies what it is given, and makes names lower case.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "http/fields.h"
#include "http/hop.h"

namespace postern::wire {

class H2Head {
 public:
  void add(std::string_view name, std::string_view value, std::uint8_t flags = NGHTTP2_NV_FLAG_NONE) noexcept {
    if (size_ == entries_.size()) return;
    entries_[size_++] = {bytes(name), bytes(value), name.size(), value.size(), flags};
  }
  /// For ":status" and "content-length"; each once.
  void add_number(std::string_view name, std::uint64_t value) noexcept {
    char* const start = digits_.data() + digits_used_;
    char* const end = std::to_chars(start, digits_.data() + digits_.size(), value).ptr;
    digits_used_ += static_cast<std::size_t>(end - start);
    add(name, {start, static_cast<std::size_t>(end - start)});
  }
  /// All fields but those of `left_out` (bits of FieldId). What others could guess bit by bit is never indexed.
  void add_fields(const http::Fields& fields, std::uint64_t left_out) noexcept {
    constexpr std::uint64_t kSecret = http::bit(http::FieldId::set_cookie) | http::bit(http::FieldId::cookie) |
                                      http::bit(http::FieldId::authorization);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const http::Field field = fields[i];
      const std::uint64_t bit = http::bit(field.id);
      if ((left_out & bit) != 0) continue;
      add(field.name, field.value, (kSecret & bit) != 0 ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE);
    }
  }
  [[nodiscard]] const nghttp2_nv* data() const noexcept { return entries_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  static std::uint8_t* bytes(std::string_view text) noexcept {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  }

  std::array<nghttp2_nv, http::Fields::kCapacity + 8> entries_;  // raw until used
  std::size_t size_ = 0;
  std::array<char, 32> digits_;
  std::size_t digits_used_ = 0;
};

}  // namespace postern::wire
