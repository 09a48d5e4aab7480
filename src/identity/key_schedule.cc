#include "identity/key_schedule.h"

#include <algorithm>
#include <charconv>

namespace postern::identity {
namespace {

constexpr std::int64_t kMostAgeS = 365 * 86'400;  // enough to be cut off later

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_word(std::string_view text, std::string_view lower) noexcept {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

/// Up to a tenth of it.
std::int64_t share_of(std::int64_t whole, double random) noexcept {
  return static_cast<std::int64_t>(static_cast<double>(whole) * 0.1 * random);
}

}  // namespace

std::optional<std::int64_t> max_age_of(std::string_view header) noexcept {
  std::optional<std::int64_t> age;
  while (!header.empty()) {
    const std::size_t comma = std::min(header.find(','), header.size());
    const std::string_view item = trimmed(header.substr(0, comma));
    header.remove_prefix(std::min(comma + 1, header.size()));
    if (is_word(item, "no-store") || is_word(item, "no-cache")) return 0;
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos || !is_word(trimmed(item.substr(0, equals)), "max-age")) continue;
    std::string_view value = trimmed(item.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (error == std::errc::result_out_of_range) seconds = kMostAgeS;
    if (error == std::errc::invalid_argument || end != value.data() + value.size() || seconds < 0) continue;
    age = std::min({seconds, kMostAgeS, age.value_or(kMostAgeS)});
  }
  return age;
}

void KeySchedule::on_good(std::int64_t now_ms, std::optional<std::int64_t> max_age_s, double random) noexcept {
  const std::int64_t said = max_age_s ? *max_age_s * 1000 : kUsualLifeMs;
  const std::int64_t life = std::clamp(said, kLeastLifeMs, kMostLifeMs);
  failures_ = 0;
  has_keys_ = true;
  due_ms_ = now_ms + life * 8 / 10 - share_of(life, random);
  spent_ms_ = now_ms + life + max_stale_ms_;
}

void KeySchedule::on_bad(std::int64_t now_ms, double random) noexcept {
  const std::int64_t pause = std::min(kFirstRetryMs << std::min(failures_, 10U), kLastRetryMs);
  ++failures_;
  due_ms_ = now_ms + pause - share_of(pause, random);
}

bool KeySchedule::ask(std::int64_t now_ms, std::string_view kid) {
  const auto known = absent_.find(std::string(kid));
  if (known != absent_.end() && now_ms < known->second) return false;
  if (now_ms < force_from_ms_) {
    due_ms_ = std::min(due_ms_, force_from_ms_);
    return false;
  }
  force_from_ms_ = now_ms + kForceWindowMs;
  due_ms_ = now_ms;
  return true;
}

void KeySchedule::note_absent(std::int64_t now_ms, std::string_view kid) {
  if (absent_.size() >= kMostAbsent) std::erase_if(absent_, [now_ms](const auto& one) { return one.second <= now_ms; });
  if (absent_.size() >= kMostAbsent) {
    const auto oldest = std::min_element(absent_.begin(), absent_.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
    absent_.erase(oldest);
  }
  absent_[std::string(kid)] = now_ms + kAbsentMs;
}

}  // namespace postern::identity
