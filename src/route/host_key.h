// The host of a request as the index knows hosts: lower case, without port. Header only, for RouteTable::match().
// Cuts and folds; whether the host is a valid one was the head parser's to judge.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace postern::route {

// Eight bytes at a time: letters A..Z get the bit that makes them small, everything else stays.
inline std::uint64_t lower_word(std::uint64_t word) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const std::uint64_t low7 = word & (0x7F * kOnes);
  const std::uint64_t from_a = low7 + (0x80 - 'A') * kOnes;
  const std::uint64_t after_z = low7 + (0x80 - 'Z' - 1) * kOnes;
  const std::uint64_t upper = (from_a ^ after_z) & ~word & (0x80 * kOnes);
  return word | (upper >> 2);
}

// A host in lower case and without its port, in a buffer of its own.
class HostKey {
 public:
  static constexpr std::size_t kLongest = 255;  // DNS names end at 253; a longer host can only be "any host"

  explicit HostKey(std::string_view received) noexcept {
    const bool literal = received.starts_with('[');
    const std::size_t from = literal ? received.find(']') : 0;
    const std::string_view host = received.substr(0, from == received.npos ? from : received.find(':', from));
    if (host.size() > kLongest) return;
    size_ = host.size();
    std::size_t i = 0;
    for (; i + 8 <= size_; i += 8) store(i, host.data() + i, 8);
    if (i < size_) store(i, host.data() + i, size_ - i);
  }

  [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }
  [[nodiscard]] bool has_labels() const noexcept { return size_ > 0 && text_[0] != '['; }

 private:
  void store(std::size_t at, const char* from, std::size_t count) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, from, count);
    word = lower_word(word);
    std::memcpy(text_.data() + at, &word, sizeof word);
  }

  std::size_t size_ = 0;
  std::array<char, kLongest + 8> text_;  // raw beyond size_
};

}  // namespace postern::route
