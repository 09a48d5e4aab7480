// When the keys of one issuer are fetched again: ahead of their end, sooner and sooner less often while that fails, and
// at once, but not often, when a token names a key that is not among them. A value that is told the time; it knows no
// network. Used by IssuerKeeper's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace postern::identity {

/// `max-age` of a Cache-Control header in seconds; 0 for no-store and no-cache. Nothing: it does not say.
std::optional<std::int64_t> max_age_of(std::string_view cache_control) noexcept;

class KeySchedule {
 public:
  static constexpr std::int64_t kLeastLifeMs = 60'000;
  static constexpr std::int64_t kUsualLifeMs = 600'000;
  static constexpr std::int64_t kMostLifeMs = 24 * 3'600'000;
  static constexpr std::int64_t kFirstRetryMs = 1'000;
  static constexpr std::int64_t kLastRetryMs = 60'000;
  static constexpr std::int64_t kForceWindowMs = 30'000;
  static constexpr std::int64_t kAbsentMs = 60'000;
  static constexpr std::size_t kMostAbsent = 256;

  /// The first fetch is due at once.
  KeySchedule(std::int64_t now_ms, std::int64_t max_stale_ms) noexcept
      : max_stale_ms_(max_stale_ms), due_ms_(now_ms), force_from_ms_(now_ms) {}

  // `random` in [0, 1): so that many proxies do not ask at the same moment.
  void on_good(std::int64_t now_ms, std::optional<std::int64_t> max_age_s, double random) noexcept;
  void on_bad(std::int64_t now_ms, double random) noexcept;

  [[nodiscard]] bool is_due(std::int64_t now_ms) const noexcept { return now_ms >= due_ms_; }
  [[nodiscard]] std::int64_t due_ms() const noexcept { return due_ms_; }
  /// Whether what was fetched last may not be used any more. False as long as there was nothing.
  [[nodiscard]] bool is_spent(std::int64_t now_ms) const noexcept { return has_keys_ && now_ms >= spent_ms_; }
  [[nodiscard]] std::int64_t spent_ms() const noexcept { return spent_ms_; }
  [[nodiscard]] bool has_keys() const noexcept { return has_keys_; }
  [[nodiscard]] unsigned failures() const noexcept { return failures_; }

  /// Somebody has met a key that is not known. True: fetch now; the attempt counts from here, whatever comes of it.
  /// False: one has been made just now, or for that very key; the next one may be earlier than it would have been.
  bool ask(std::int64_t now_ms, std::string_view kid);
  /// After a good fetch: that key is not among the keys.
  void note_absent(std::int64_t now_ms, std::string_view kid);

 private:
  std::int64_t max_stale_ms_;
  std::int64_t due_ms_;
  std::int64_t force_from_ms_;  // no forced fetch before
  std::int64_t spent_ms_ = 0;
  bool has_keys_ = false;
  unsigned failures_ = 0;
  std::unordered_map<std::string, std::int64_t> absent_;  // and until when that is believed
};

}  // namespace postern::identity
