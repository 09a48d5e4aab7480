#include "audit/file_tail.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>

#include "audit/line.h"
#include "crypto/sha256_hasher.h"

namespace postern::audit {
namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;
static_assert(kChunk > kMaxLine);

/// Up to `bytes` from `at` on; fewer only at the end of the file.
bool read_at(int fd, std::uint64_t at, std::size_t bytes, std::string& into) {
  into.resize(bytes);
  std::size_t used = 0;
  while (used < bytes) {
    const ssize_t n = ::pread(fd, into.data() + used, bytes - used, static_cast<off_t>(at + used));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) break;
    used += static_cast<std::size_t>(n);
  }
  into.resize(used);
  return true;
}

std::int64_t day_of(std::string_view time) noexcept {
  int year = 0;
  unsigned month = 0, day = 0;
  std::from_chars(time.data(), time.data() + 4, year);
  std::from_chars(time.data() + 5, time.data() + 7, month);
  std::from_chars(time.data() + 8, time.data() + 10, day);
  return std::chrono::sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day))
      .time_since_epoch()
      .count();
}

/// Where the last line end before `size` is; none: there is no such byte.
bool find_last_end(int fd, std::uint64_t size, std::optional<std::uint64_t>& end) {
  std::string bytes;
  while (size > 0) {
    const std::uint64_t from = size > kChunk ? size - kChunk : 0;
    if (!read_at(fd, from, static_cast<std::size_t>(size - from), bytes)) return false;
    const std::size_t at = bytes.rfind('\n');
    if (at != std::string::npos) {
      end = from + at;
      return true;
    }
    size = from;
  }
  return true;
}

std::string read_first(std::string_view bytes, FileTail& tail) {
  const std::size_t end = bytes.find('\n');
  const std::optional<Line> line = end == std::string_view::npos ? std::nullopt : parse_line(bytes.substr(0, end));
  if (!line) return "its first line is not a record";
  if (!is_right(*line)) return "its first line has another hash than it should";
  const auto stream = find_text(*line, "stream"), chain = find_text(*line, "chain");
  if (line->kind != "file" || !stream || !chain || find_number(*line, "format") != kFormat) {
    return "its first line is not that of an audit file";
  }
  tail.stream = *stream;
  tail.chain = *chain;
  tail.first_day = day_of(line->time);
  tail.first_seq = line->seq;
  return {};
}

/// `bytes`: up to the end of the last line, without it.
std::string read_last(std::string_view bytes, FileTail& tail) {
  const std::size_t end = bytes.rfind('\n');
  const std::optional<Line> line = parse_line(end == std::string_view::npos ? bytes : bytes.substr(end + 1));
  if (!line) return "its last line is not a record";
  if (!is_right(*line)) return "its last line has another hash than it should";
  tail.last_seq = line->seq;
  tail.last_hash = line->hash;
  const std::optional<std::string_view> why = find_text(*line, "why");
  tail.is_closed = line->kind == "checkpoint" && why && (*why == "close" || *why == "rotate");
  if (tail.last_seq < tail.first_seq) return "its last line is older than its first";
  return {};
}

}  // namespace

bool read_tail(int fd, std::uint64_t size, FileTail& tail) {
  std::optional<std::uint64_t> end;
  if (!find_last_end(fd, size, end)) return false;
  tail.is_empty = !end.has_value();
  tail.whole_size = end ? *end + 1 : 0;
  tail.torn = size - tail.whole_size;
  if (tail.is_empty) return true;
  std::string bytes;
  if (!read_at(fd, 0, std::min<std::uint64_t>(tail.whole_size, kChunk), bytes)) return false;
  tail.problem = read_first(bytes, tail);
  if (!tail.problem.empty()) return true;
  const std::uint64_t from = *end > kChunk ? *end - kChunk : 0;
  if (!read_at(fd, from, static_cast<std::size_t>(*end - from), bytes)) return false;
  tail.problem = read_last(bytes, tail);
  return true;
}

std::string digest_of(int fd, std::uint64_t from, std::uint64_t bytes) {
  crypto::Sha256Hasher hasher;
  if (!hasher.begin()) return {};
  std::string chunk;
  while (bytes > 0) {
    if (!read_at(fd, from, static_cast<std::size_t>(std::min<std::uint64_t>(bytes, kChunk)), chunk)) return {};
    if (chunk.empty() || !hasher.add(chunk)) return {};
    from += chunk.size();
    bytes -= chunk.size();
  }
  crypto::Sha256 digest{};
  return hasher.end(digest) ? crypto::to_hex(digest) : std::string();
}

}  // namespace postern::audit
