// The daemon's own log: one line per event on stderr or into an Output, as logfmt or JSON, every value escaped.
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

/// Takes lines instead of the descriptor: syslog, journald. It knows time and level by other means than the text.
class Output {
 public:
  virtual ~Output() = default;
  /// `line`: in logfmt from "msg=" on, in JSON the whole object; no line end. Any thread, one call at a time.
  /// False: it is lost. Must not log.
  virtual bool write(Level level, std::string_view line) noexcept = 0;
};

/// Writes lines to a descriptor it does not own.
class Logger {
 public:
  /// Unix time in nanoseconds; tests pass their own.
  using Clock = std::int64_t (*)() noexcept;

  /// Of one message, ten lines go out in ten seconds. How many were held back after that is said by its next line, or
  /// by tick() when there is none.
  static constexpr std::uint32_t kBurst = 10;
  static constexpr std::int64_t kWindowNs = 10'000'000'000;

  constexpr Logger(int fd, Clock clock) noexcept : fd_(fd), clock_(clock) {}
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void set_level(Level level) noexcept { level_.store(level, std::memory_order_relaxed); }
  void set_format(Format format) noexcept { format_.store(format, std::memory_order_relaxed); }
  /// With "<N>" in front of every line, as journald reads it from a service's stderr. See is_journal().
  void set_priority_prefix(bool wanted) noexcept { priority_prefix_.store(wanted, std::memory_order_relaxed); }
  /// nullptr: the descriptor again. When this returns nobody uses the output before.
  void set_output(Output* output) noexcept;
  [[nodiscard]] bool is_enabled(Level level) const noexcept { return level <= level_.load(std::memory_order_relaxed); }

  /// Never throws, never blocks on anything but the descriptor. Out of memory: a fixed line goes out.
  void write(Level level, std::string_view message, Fields fields = {}) noexcept;

  /// Now and then, from one thread: a line for each message that was held back and has not come again since.
  void tick() noexcept;

  /// Lines that repeated too often, and lines that the descriptor or output could not take.
  [[nodiscard]] std::uint64_t held_back() const noexcept { return held_back_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

 private:
  struct Repeat {
    std::uint64_t hash = 0;
    std::int64_t since_ns = 0;
    std::uint32_t written = 0;
    std::uint32_t held_back = 0;
    Level level = Level::error;
    std::uint8_t length = 0;      // of text
    std::array<char, 47> text{};  // the message's beginning, for tick()
  };

  /// False: hold it back. `held_back`: how many of it went unwritten before.
  bool admit(Level level, std::string_view message, std::int64_t now_ns, std::uint32_t& held_back) noexcept;
  void emit(Level level, std::string_view message, Fields fields, std::int64_t now_ns,
            std::uint32_t held_back) noexcept;
  void send(Level level, std::string_view line, std::size_t body) noexcept;

  const int fd_;
  const Clock clock_;
  std::atomic<Level> level_{Level::info};
  std::atomic<Format> format_{Format::logfmt};
  std::atomic<bool> priority_prefix_{false};
  std::atomic<std::uint64_t> held_back_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::mutex mutex_;  // guards repeats_
  std::array<Repeat, 64> repeats_{};
  std::mutex output_mutex_;  // guards output_ and serialises its calls
  Output* output_ = nullptr;
  std::atomic<bool> has_output_{false};
};

/// True when `fd` is what `journal_stream` (the variable JOURNAL_STREAM, may be null) says: systemd's journal reads it.
bool is_journal(int fd, const char* journal_stream) noexcept;

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
