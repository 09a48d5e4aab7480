// The table behind field_id(), inline for the head parser: a perfect hash over length and three letters, then one
// compare in any case. Others call field_id() in field.h. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "http/field.h"

namespace postern::http::lookup {

// In the order of FieldId.
inline constexpr std::string_view kNames[] = {
    "",
    "Accept",
    "Accept-Encoding",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Date",
    "Expect",
    "Forwarded",
    "Host",
    "Incremental",
    "Keep-Alive",
    "Location",
    "Max-Forwards",
    "Origin",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "Server",
    "Set-Cookie",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "User-Agent",
    "Via",
    "X-Accel-Buffering",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "X-Request-ID",
};
inline constexpr std::size_t kCount = std::size(kNames);
static_assert(kCount == static_cast<std::size_t>(FieldId::x_request_id) + 1);
static_assert(kCount <= 64, "sets of ids are 64-bit masks");
inline constexpr std::size_t kLongest = 19;

// Lower-case bytes, and 0x20 where a letter stands: (given | fold) == lower is equality in any case, exactly.
struct Entry {
  std::array<char, 24> lower{};
  std::array<char, 24> fold{};
  std::uint32_t size = 0;
};

constexpr std::uint32_t hash_of(std::uint32_t multiplier, std::uint32_t size, char first, char before_last,
                                char last) noexcept {
  const auto low = [](char c) { return static_cast<std::uint32_t>(static_cast<unsigned char>(c)) | 0x20U; };
  return ((size | low(first) << 8 | low(before_last) << 16 | low(last) << 24) * multiplier) >> 24;
}

struct Table {
  std::array<Entry, kCount> entries{};
  std::array<std::uint8_t, 256> slots{};  // id, 0 for none
  std::uint32_t multiplier = 0;
};

inline constexpr Table kTable = [] {
  Table t;
  for (std::size_t i = 1; i < kCount; ++i) {
    t.entries[i].size = static_cast<std::uint32_t>(kNames[i].size());
    for (std::size_t j = 0; j < kNames[i].size(); ++j) {
      const char c = kNames[i][j];
      const bool upper = c >= 'A' && c <= 'Z';
      const bool letter = upper || (c >= 'a' && c <= 'z');
      t.entries[i].lower[j] = upper ? static_cast<char>(c + 0x20) : c;
      t.entries[i].fold[j] = letter ? 0x20 : 0;
    }
  }
  for (std::uint32_t multiplier = 0x9e3779b1U;; multiplier += 0x61c88646U) {  // until no two names meet
    t.slots = {};
    bool clash = false;
    for (std::size_t i = 1; i < kCount && !clash; ++i) {
      const std::string_view n = kNames[i];
      auto& slot = t.slots[hash_of(multiplier, t.entries[i].size, n[0], n[n.size() - 2], n.back())];
      clash = slot != 0;
      slot = static_cast<std::uint8_t>(i);
    }
    if (!clash) {
      t.multiplier = multiplier;
      return t;
    }
  }
}();

template <class Word>
inline bool same(const char* given, const Entry& entry, std::size_t at) noexcept {
  Word a;
  Word lower;
  Word fold;
  std::memcpy(&a, given + at, sizeof a);
  std::memcpy(&lower, entry.lower.data() + at, sizeof a);
  std::memcpy(&fold, entry.fold.data() + at, sizeof a);
  return static_cast<Word>(a | fold) == lower;
}

inline FieldId find(const char* name, std::size_t size) noexcept {
  if (size < 2 || size > kLongest) return FieldId::other;
  const std::uint32_t slot =
      hash_of(kTable.multiplier, static_cast<std::uint32_t>(size), name[0], name[size - 2], name[size - 1]);
  const std::uint8_t id = kTable.slots[slot];
  const Entry& entry = kTable.entries[id];
  if (entry.size != size) return FieldId::other;
  bool equal = false;
  if (size >= 8) {
    equal = same<std::uint64_t>(name, entry, 0) && same<std::uint64_t>(name, entry, size - 8) &&
            (size <= 16 || same<std::uint64_t>(name, entry, 8));
  } else if (size >= 4) {
    equal = same<std::uint32_t>(name, entry, 0) && same<std::uint32_t>(name, entry, size - 4);
  } else {
    equal = same<std::uint16_t>(name, entry, 0) && same<std::uint16_t>(name, entry, size - 2);
  }
  return equal ? static_cast<FieldId>(id) : FieldId::other;
}

}  // namespace postern::http::lookup
