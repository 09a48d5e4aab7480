// Writes a line of JSON into room that is known to suffice; copies and checks eight bytes at a time. For the writers'
// threads of the access log and the audit trail, most of whose cost is here.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/escape.h"
#include "base/plain_text.h"

namespace postern {

/// A byte of text takes six at most, as \u00xx. `escaped`: space for texts that need escaping; kept from line to line.
class JsonCursor {
 public:
  JsonCursor(char* at, std::string& escaped) noexcept : at_(at), escaped_(escaped) {}

  [[nodiscard]] const char* at() const noexcept { return at_; }

  template <std::size_t kSize>
  void literal(const char (&text)[kSize]) noexcept {
    std::memcpy(at_, text, kSize - 1);
    at_ += kSize - 1;
  }
  void copy(std::string_view text) noexcept {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void number(std::uint64_t value) noexcept { at_ = std::to_chars(at_, at_ + 24, value).ptr; }
  void thousandths(std::uint64_t value) noexcept {
    at_[0] = static_cast<char>('0' + value / 100);
    at_[1] = static_cast<char>('0' + value / 10 % 10);
    at_[2] = static_cast<char>('0' + value % 10);
    at_ += 3;
  }
  void hex(std::span<const unsigned char> bytes) noexcept {
    constexpr char kDigits[] = "0123456789abcdef";
    for (const unsigned char byte : bytes) {
      at_[0] = kDigits[byte >> 4];
      at_[1] = kDigits[byte & 15];
      at_ += 2;
    }
  }
  /// Milliseconds with three decimals.
  void ms(std::int64_t ns) noexcept {
    const auto us = static_cast<std::uint64_t>(ns > 0 ? ns : 0) / 1000;
    number(us / 1000);
    *at_++ = '.';
    thousandths(us % 1000);
  }

  /// `name`: ",\"host\":\"". Nothing at all for an empty text.
  template <std::size_t kSize>
  void member(const char (&name)[kSize], std::string_view text, bool is_cut = false) {
    if (text.empty()) return;
    literal(name);
    escape(text);
    if (is_cut) literal("...");
    *at_++ = '"';
  }
  /// In quotes, for arrays; an empty one too.
  void text(std::string_view text, bool is_cut = false) {
    *at_++ = '"';
    escape(text);
    if (is_cut) literal("...");
    *at_++ = '"';
  }

 private:
  template <class Word>
  static Word load(const char* from) noexcept {
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
  }
  void escape(std::string_view text) {
    const std::size_t size = text.size();
    const char* const from = text.data();
    if (size >= 8) {
      std::size_t i = 0;
      for (; i + 8 <= size; i += 8) {
        const auto word = load<std::uint64_t>(from + i);
        if (!are_plain(word)) return escape_slowly(text);
        std::memcpy(at_ + i, &word, sizeof word);
      }
      const auto last = load<std::uint64_t>(from + size - 8);  // some of it for the second time
      if (!are_plain(last)) return escape_slowly(text);
      std::memcpy(at_ + size - 8, &last, sizeof last);
    } else if (size >= 4) {
      const auto first = load<std::uint32_t>(from), last = load<std::uint32_t>(from + size - 4);
      if (!are_plain(first | std::uint64_t{last} << 32)) return escape_slowly(text);
      std::memcpy(at_, &first, sizeof first);
      std::memcpy(at_ + size - 4, &last, sizeof last);
    } else {
      for (std::size_t i = 0; i < size; ++i) {
        if (!is_plain(from[i])) return escape_slowly(text);
        at_[i] = from[i];
      }
    }
    at_ += size;
  }
  void escape_slowly(std::string_view text) {
    escaped_.clear();
    append_json(escaped_, text);
    copy(escaped_);
  }

  char* at_;
  std::string& escaped_;
};

}  // namespace postern
