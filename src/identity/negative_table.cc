#include "identity/negative_table.h"

#include <algorithm>

namespace postern::identity {

std::optional<std::uint8_t> NegativeTable::find(const KeyedHash& token, std::int64_t now_ms) noexcept {
  for (const Entry& entry : sets_[token.low % sets_.size()]) {
    // A clock that went back would make entries live longer: those are not believed.
    const bool lives = entry.until_ms > now_ms && entry.until_ms <= now_ms + kLifeMs;
    if (!lives || entry.token != token) continue;
    ++counters_.hits;
    return entry.why;
  }
  return std::nullopt;
}

void NegativeTable::add(const KeyedHash& token, std::uint8_t why, std::int64_t now_ms) noexcept {
  Set& set = sets_[token.low % sets_.size()];
  const auto same = std::ranges::find(set, token, &Entry::token);
  Entry& place = same != set.end() ? *same : *std::ranges::min_element(set, {}, &Entry::until_ms);
  place = Entry{token, now_ms + kLifeMs, why};
  ++counters_.added;
}

}  // namespace postern::identity
