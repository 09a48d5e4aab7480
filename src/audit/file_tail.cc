#include "audit/file_tail.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "audit/line.h"
#include "crypto/sha256_hasher.h"

namespace postern::audit {
namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;
static_assert(kChunk > kMaxLine);
/// Two groups, and lines that belong to none yet.
constexpr std::size_t kMostOfTail = 3 * (kGroupBytes + kMaxLine);

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
  if (line->kind != "file") return "its first line is not that of an audit file";
  GroupHash group;
  group.begin(hash_from(line->prev));
  if (!group.fits(*line)) return "its first line has another hash than it should";
  const auto stream = find_text(*line, "stream"), chain = find_text(*line, "chain");
  if (!stream || !chain || find_number(*line, "format") != kFormat) {
    return "its first line is not that of an audit file";
  }
  tail.stream = *stream;
  tail.chain = *chain;
  tail.first_day = day_of(line->time);
  tail.first_seq = line->seq;
  return {};
}

bool is_close(const Line& line) noexcept {
  const std::optional<std::string_view> why = find_text(line, "why");
  return line.kind == "checkpoint" && why && (*why == "close" || *why == "rotate");
}

/// The lines of the last group that is over, and of one that is not, from the end backwards.
struct LastLines {
  std::vector<Line> group, open;
  std::optional<crypto::Sha256> before;  // the hash that the group's is built upon
};

/// False: `bytes` begins too late to say. A line that is none ends the search: what is behind it has to do.
bool find_last_lines(std::string_view bytes, LastLines& last, std::string& problem) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.rfind('\n');
    const std::string_view text = end == std::string_view::npos ? bytes : bytes.substr(end + 1);
    const std::optional<Line> line = parse_line(text);
    if (!line && end == std::string_view::npos) return false;  // perhaps but the end of one
    if (!line) {
      problem = last.group.empty() ? "its last line is not a record" : "its last hash cannot be checked";
      return true;
    }
    if (line->ends_group() && !last.group.empty()) {
      last.before = hash_from(line->hash);
      return true;
    }
    (line->ends_group() || !last.group.empty() ? last.group : last.open).push_back(*line);
    if (!line->prev.empty()) {
      last.before = hash_from(line->prev);
      return true;
    }
    bytes = end == std::string_view::npos ? std::string_view() : bytes.substr(0, end);
  }
  return false;
}

std::string read_last(LastLines& last, FileTail& tail) {
  GroupHash group;
  group.begin(*last.before);
  for (std::size_t i = last.group.size() - 1; i > 0; --i) group.add(last.group[i]);
  const Line& end = last.group.front();
  if (!group.fits(end)) return "its last line has another hash than it should";
  tail.last_seq = end.seq;
  tail.last_hash = hash_from(end.hash);
  tail.is_closed = last.open.empty() && is_close(end);
  for (std::size_t i = last.open.size(); i > 0; --i) {
    const Line& line = last.open[i - 1];
    if (line.seq != ++tail.last_seq) return "its last lines are not in order";
    tail.open += line.hashed;
    tail.open += '\n';
  }
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
  for (std::size_t most = kChunk;; most *= 4) {
    const std::uint64_t from = *end > most ? *end - most : 0;
    if (!read_at(fd, from, static_cast<std::size_t>(*end - from), bytes)) return false;
    LastLines last;
    if (find_last_lines(bytes, last, tail.problem)) {
      if (tail.problem.empty()) tail.problem = read_last(last, tail);
      return true;
    }
    if (from == 0 || most > kMostOfTail) break;
  }
  tail.problem = "its last lines have no hash";
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
