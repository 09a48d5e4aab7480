// The daemon's own log: one line per event on stderr, as logfmt or JSON, every value escaped.
// Any thread, one write(2) per line. Never used per request: a message that repeats is held back and counted.
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>

namespace postern::log {

enum class Level : std::uint8_t { error, warn, info, debug };
enum class Format : std::uint8_t { logfmt, json };

/// key=value beside a message. A view: made and used within one call.
class Field {
 public:
  Field(std::string_view key, std::string_view value) noexcept : key_(key), text_(value), kind_(Kind::text) {}
  Field(std::string_view key, const char* value) noexcept : Field(key, std::string_view(value)) {}
  Field(std::string_view key, const std::string& value) noexcept : Field(key, std::string_view(value)) {}
  Field(std::string_view key, bool value) noexcept : key_(key), number_(value ? 1 : 0), kind_(Kind::boolean) {}
  template <std::signed_integral T>
  Field(std::string_view key, T value) noexcept : key_(key), number_(value), kind_(Kind::integer) {}
  template <std::unsigned_integral T>
  Field(std::string_view key, T value) noexcept
      : key_(key), number_(static_cast<std::int64_t>(value)), kind_(Kind::natural) {}

  void append_to(std::string& line, Format format) const;

 private:
  enum class Kind : std::uint8_t { text, boolean, integer, natural };

  std::string_view key_;
  std::string_view text_;
  std::int64_t number_ = 0;
  Kind kind_;
};

using Fields = std::initializer_list<Field>;

/// Writes lines to a descriptor it does not own.
class Logger {
 public:
  /// Unix time in nanoseconds; tests pass their own.
  using Clock = std::int64_t (*)() noexcept;

  /// Of one message, ten lines go out in ten seconds; the next line after that says how many were held back.
  static constexpr std::uint32_t kBurst = 10;
  static constexpr std::int64_t kWindowNs = 10'000'000'000;

  constexpr Logger(int fd, Clock clock) noexcept : fd_(fd), clock_(clock) {}
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void set_level(Level level) noexcept { level_.store(level, std::memory_order_relaxed); }
  void set_format(Format format) noexcept { format_.store(format, std::memory_order_relaxed); }
  [[nodiscard]] bool is_enabled(Level level) const noexcept { return level <= level_.load(std::memory_order_relaxed); }

  /// Never throws, never blocks on anything but the descriptor. Out of memory: a fixed line goes out.
  void write(Level level, std::string_view message, Fields fields = {}) noexcept;

 private:
  struct Repeat {
    std::uint64_t hash = 0;
    std::int64_t since_ns = 0;
    std::uint32_t written = 0;
    std::uint32_t held_back = 0;
  };

  /// False: hold it back. `held_back`: how many of it went unwritten before.
  bool admit(Level level, std::string_view message, std::int64_t now_ns, std::uint32_t& held_back) noexcept;

  const int fd_;
  const Clock clock_;
  std::atomic<Level> level_{Level::info};
  std::atomic<Format> format_{Format::logfmt};
  std::mutex mutex_;  // guards repeats_
  std::array<Repeat, 64> repeats_{};
};

/// The process's log: stderr. The one object that everybody reaches without being handed it, as stderr itself is.
Logger& process() noexcept;

inline void error(std::string_view message, Fields fields = {}) noexcept {
  process().write(Level::error, message, fields);
}
inline void warn(std::string_view message, Fields fields = {}) noexcept {
  process().write(Level::warn, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) noexcept {
  process().write(Level::info, message, fields);
}
inline void debug(std::string_view message, Fields fields = {}) noexcept {
  process().write(Level::debug, message, fields);
}

}  // namespace postern::log
