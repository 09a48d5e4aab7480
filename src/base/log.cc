// See log.h.
#include "base/log.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <functional>

#include "base/escape.h"

namespace postern::log {
namespace {

constexpr std::size_t kMaxValue = 2048;  // bytes of one value; a line stays readable and one write stays whole

std::int64_t system_clock_ns() noexcept {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

constinit Logger process_logger{STDERR_FILENO, &system_clock_ns};

std::string_view name_of(Level level) noexcept {
  switch (level) {
    case Level::error:
      return "error";
    case Level::warn:
      return "warn";
    case Level::info:
      return "info";
    case Level::debug:
      return "debug";
  }
  return "error";
}

/// 2026-01-31T23:59:59.123Z
void append_time(std::string& line, std::int64_t unix_ns) {
  const std::time_t seconds = static_cast<std::time_t>(unix_ns / 1'000'000'000);
  const auto millis = static_cast<unsigned>(unix_ns % 1'000'000'000 / 1'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &utc);
  text[length++] = static_cast<char>('0' + millis / 100);
  text[length++] = static_cast<char>('0' + millis / 10 % 10);
  text[length++] = static_cast<char>('0' + millis % 10);
  text[length++] = 'Z';
  line.append(text, length);
}

bool is_bare_word(std::string_view text) noexcept {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\'; });
}

void append_text(std::string& line, std::string_view text, Format format) {
  const bool is_cut = text.size() > kMaxValue;
  if (is_cut) text = text.substr(0, kMaxValue);
  if (format == Format::logfmt && !is_cut && is_bare_word(text)) {
    line += text;
    return;
  }
  line += '"';
  append_json(line, text);
  if (is_cut) line += "...";
  line += '"';
}

void append_key(std::string& line, std::string_view key, Format format) {
  if (format == Format::json) {
    line += line.empty() ? '{' : ',';
    append_json_quoted(line, key);
    line += ':';
  } else {
    if (!line.empty()) line += ' ';
    line += key;
    line += '=';
  }
}

template <class Integer>
void append_number(std::string& line, Integer value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  line.append(digits, end);
}

/// Short writes and interruptions are finished; anything else is given up: there is nobody left to tell.
void write_all(int fd, std::string_view line) noexcept {
  while (!line.empty()) {
    const ssize_t n = ::write(fd, line.data(), line.size());
    if (n > 0) {
      line.remove_prefix(static_cast<std::size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      return;
    }
  }
}

}  // namespace

void Field::append_to(std::string& line, Format format) const {
  append_key(line, key_, format);
  switch (kind_) {
    case Kind::text:
      append_text(line, text_, format);
      break;
    case Kind::boolean:
      line += number_ != 0 ? "true" : "false";
      break;
    case Kind::integer:
      append_number(line, number_);
      break;
    case Kind::natural:
      append_number(line, static_cast<std::uint64_t>(number_));
      break;
  }
}

bool Logger::admit(Level level, std::string_view message, std::int64_t now_ns, std::uint32_t& held_back) noexcept {
  const std::uint64_t hash = std::hash<std::string_view>{}(message)*4 + static_cast<std::uint64_t>(level);
  const std::lock_guard lock(mutex_);
  Repeat& repeat = repeats_[(hash >> 2) % repeats_.size()];
  const bool is_new_window = now_ns - repeat.since_ns >= kWindowNs || now_ns < repeat.since_ns;
  if (repeat.hash != hash || is_new_window) {
    held_back = repeat.hash == hash ? repeat.held_back : 0;
    repeat = {hash, now_ns, 0, 0};
  }
  if (repeat.written >= kBurst) {
    ++repeat.held_back;
    return false;
  }
  ++repeat.written;
  return true;
}

void Logger::write(Level level, std::string_view message, Fields fields) noexcept {
  if (!is_enabled(level)) return;
  const int saved_errno = errno;
  const std::int64_t now_ns = clock_();
  std::uint32_t held_back = 0;
  if (!admit(level, message, now_ns, held_back)) return;
  try {
    const Format format = format_.load(std::memory_order_relaxed);
    std::string line;
    line.reserve(512);
    append_key(line, "time", format);
    if (format == Format::json) line += '"';
    append_time(line, now_ns);
    if (format == Format::json) line += '"';
    Field("level", name_of(level)).append_to(line, format);
    Field("msg", message).append_to(line, format);
    for (const Field& field : fields) field.append_to(line, format);
    if (held_back != 0) Field("held_back", held_back).append_to(line, format);
    line += format == Format::json ? "}\n" : "\n";
    write_all(fd_, line);
  } catch (...) {
    write_all(fd_, "level=error msg=\"out of memory while logging\"\n");
  }
  errno = saved_errno;
}

Logger& process() noexcept { return process_logger; }

}  // namespace postern::log
