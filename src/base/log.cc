// See log.h.
#include "base/log.h"

#include <sys/stat.h>
#include <sys/uio.h>
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

/// What journald reads at the beginning of a line: sd-daemon(3).
std::string_view prefix_of(Level level) noexcept {
  switch (level) {
    case Level::error:
      return "<3>";
    case Level::warn:
      return "<4>";
    case Level::info:
      return "<6>";
    case Level::debug:
      return "<7>";
  }
  return "<3>";
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

iovec piece(std::string_view text) noexcept { return {const_cast<char*>(text.data()), text.size()}; }

/// Short writes and interruptions are finished; anything else is given up: there is nobody left to tell.
bool write_all(int fd, std::string_view line) noexcept {
  while (!line.empty()) {
    const ssize_t n = ::write(fd, line.data(), line.size());
    if (n > 0) {
      line.remove_prefix(static_cast<std::size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
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
    repeat = {.hash = hash, .since_ns = now_ns, .level = level};
    repeat.length = static_cast<std::uint8_t>(message.copy(repeat.text.data(), repeat.text.size()));
  }
  if (repeat.written >= kBurst) {
    ++repeat.held_back;
    held_back_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  ++repeat.written;
  return true;
}

void Logger::write(Level level, std::string_view message, Fields fields) noexcept {
  if (!is_enabled(level)) return;
  const std::int64_t now_ns = clock_();
  std::uint32_t held_back = 0;
  if (admit(level, message, now_ns, held_back)) emit(level, message, fields, now_ns, held_back);
}

void Logger::tick() noexcept {
  const std::int64_t now_ns = clock_();
  for (std::size_t i = 0; i < repeats_.size(); ++i) {
    Repeat over;
    {
      const std::lock_guard lock(mutex_);
      Repeat& repeat = repeats_[i];
      if (repeat.held_back == 0 || now_ns - repeat.since_ns < kWindowNs) continue;
      over = repeat;
      repeat = {};
    }
    emit(over.level, "lines were held back",
         {{"message", std::string_view(over.text.data(), over.length)}, {"lines", over.held_back}}, now_ns, 0);
  }
}

void Logger::emit(Level level, std::string_view message, Fields fields, std::int64_t now_ns,
                  std::uint32_t held_back) noexcept {
  const int saved_errno = errno;
  try {
    const Format format = format_.load(std::memory_order_relaxed);
    std::string line;
    line.reserve(512);
    append_key(line, "time", format);
    if (format == Format::json) line += '"';
    append_time(line, now_ns);
    if (format == Format::json) line += '"';
    Field("level", name_of(level)).append_to(line, format);
    const std::size_t body = format == Format::json ? 0 : line.size() + 1;
    Field("msg", message).append_to(line, format);
    for (const Field& field : fields) field.append_to(line, format);
    if (held_back != 0) Field("held_back", held_back).append_to(line, format);
    line += format == Format::json ? "}\n" : "\n";
    send(level, line, body);
  } catch (...) {
    send(Level::error, "level=error msg=\"out of memory while logging\"\n", 0);
  }
  errno = saved_errno;
}

void Logger::send(Level level, std::string_view line, std::size_t body) noexcept {
  if (has_output_.load(std::memory_order_relaxed)) {
    const std::lock_guard lock(output_mutex_);
    if (output_ != nullptr) {
      const std::string_view text = line.substr(body, line.size() - body - 1);
      if (!output_->write(level, text)) lost_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  if (priority_prefix_.load(std::memory_order_relaxed)) {
    iovec parts[] = {piece(prefix_of(level)), piece(line)};
    const ssize_t n = ::writev(fd_, parts, 2);
    if (n >= 3) line.remove_prefix(static_cast<std::size_t>(n) - 3);
  }
  if (!write_all(fd_, line)) lost_.fetch_add(1, std::memory_order_relaxed);
}

void Logger::set_output(Output* output) noexcept {
  const std::lock_guard lock(output_mutex_);
  output_ = output;
  has_output_.store(output != nullptr, std::memory_order_relaxed);
}

bool is_journal(int fd, const char* journal_stream) noexcept {
  if (journal_stream == nullptr) return false;
  const std::string_view text = journal_stream;
  const std::size_t colon = text.find(':');
  struct stat status {};
  if (colon == std::string_view::npos || ::fstat(fd, &status) != 0) return false;
  std::uint64_t device = 0, inode = 0;
  const char* const middle = text.data() + colon;
  const char* const end = text.data() + text.size();
  if (std::from_chars(text.data(), middle, device).ptr != middle) return false;
  if (std::from_chars(middle + 1, end, inode).ptr != end) return false;
  return device == status.st_dev && inode == status.st_ino;
}

Logger& process() noexcept { return process_logger; }

}  // namespace postern::log
