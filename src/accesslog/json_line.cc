// See json_line.h.
#include "accesslog/json_line.h"

#include <charconv>
#include <cstdint>
#include <cstring>

#include "accesslog/format_text.h"
#include "base/escape.h"
#include "base/plain_text.h"

namespace postern::accesslog {
namespace {

// Every byte of a record as \uXXXX, and all names. Taking secrets out never makes a text six times as long.
constexpr std::size_t kRoom = 6 * kMaxRecordBytes + 2048;

template <class Word>
Word load(const char* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

class Cursor {
 public:
  Cursor(char* at, std::string& escaped) noexcept : at_(at), escaped_(escaped) {}

  [[nodiscard]] const char* at() const noexcept { return at_; }

  template <std::size_t kSize>
  void literal(const char (&text)[kSize]) noexcept {
    std::memcpy(at_, text, kSize - 1);
    at_ += kSize - 1;
  }
  void copy(std::string_view text) noexcept {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void number(std::uint64_t value) noexcept { at_ = std::to_chars(at_, at_ + 24, value).ptr; }
  void thousandths(std::uint64_t value) noexcept {
    at_[0] = static_cast<char>('0' + value / 100);
    at_[1] = static_cast<char>('0' + value / 10 % 10);
    at_[2] = static_cast<char>('0' + value % 10);
    at_ += 3;
  }
  /// Milliseconds with three decimals.
  void ms(std::int64_t ns) noexcept {
    const auto us = static_cast<std::uint64_t>(ns > 0 ? ns : 0) / 1000;
    number(us / 1000);
    *at_++ = '.';
    thousandths(us % 1000);
  }

  /// `name`: ",\"host\":\"". Nothing at all for an empty text.
  template <std::size_t kSize>
  void member(const char (&name)[kSize], std::string_view text, bool is_cut = false) {
    if (text.empty()) return;
    literal(name);
    escape(text);
    if (is_cut) copy(kCutMark);
    *at_++ = '"';
  }

 private:
  void escape(std::string_view text) {
    const std::size_t size = text.size();
    const char* const from = text.data();
    if (size >= 8) {
      std::size_t i = 0;
      for (; i + 8 <= size; i += 8) {
        const auto word = load<std::uint64_t>(from + i);
        if (!are_plain(word)) return escape_slowly(text);
        std::memcpy(at_ + i, &word, sizeof word);
      }
      const auto last = load<std::uint64_t>(from + size - 8);  // some of it for the second time
      if (!are_plain(last)) return escape_slowly(text);
      std::memcpy(at_ + size - 8, &last, sizeof last);
    } else if (size >= 4) {
      const auto first = load<std::uint32_t>(from), last = load<std::uint32_t>(from + size - 4);
      if (!are_plain(first | std::uint64_t{last} << 32)) return escape_slowly(text);
      std::memcpy(at_, &first, sizeof first);
      std::memcpy(at_ + size - 4, &last, sizeof last);
    } else {
      for (std::size_t i = 0; i < size; ++i) {
        if (!is_plain(from[i])) return escape_slowly(text);
        at_[i] = from[i];
      }
    }
    at_ += size;
  }
  void escape_slowly(std::string_view text) {
    escaped_.clear();
    append_json(escaped_, text);
    copy(escaped_);
  }

  char* at_;
  std::string& escaped_;
};

}  // namespace

JsonLine::JsonLine() : room_(std::make_unique_for_overwrite<char[]>(kRoom)) {}

std::string_view JsonLine::render(const DecodedRecord& decoded, const Prepared& prepared) {
  const AccessRecord& r = decoded.record;
  Cursor line(room_.get(), escaped_);
  line.literal("{\"time\":\"");
  line.copy(prepared.second);
  line.thousandths(static_cast<std::uint64_t>(r.time_ns % 1'000'000'000) / 1'000'000);
  line.literal("Z\"");
  line.member(",\"request_id\":\"", r.request_id);
  line.member(",\"client\":\"", r.client);
  line.member(",\"listener\":\"", r.listener);
  line.member(",\"route\":\"", r.route);
  line.member(",\"user\":\"", r.user);
  line.member(",\"method\":\"", r.method, (decoded.cut & kCutMethod) != 0);
  line.member(",\"host\":\"", prepared.host, (decoded.cut & kCutHost) != 0);
  line.member(",\"target\":\"", prepared.target, (decoded.cut & kCutTarget) != 0);
  const char version[] = {static_cast<char>('0' + r.http_major % 10), '.', static_cast<char>('0' + r.http_minor % 10)};
  line.member(",\"http\":\"", std::string_view(version, sizeof version));
  line.member(",\"tls\":\"", r.tls_version);
  line.literal(",\"status\":");
  line.number(r.status);
  line.literal(",\"bytes_in\":");
  line.number(r.bytes_in);
  line.literal(",\"bytes_out\":");
  line.number(r.bytes_out);
  line.literal(",\"duration_ms\":");
  line.ms(r.duration_ns);
  line.member(",\"upstream\":\"", r.upstream);
  line.member(",\"endpoint\":\"", r.endpoint);
  if (r.upstream_ns >= 0) {
    line.literal(",\"upstream_ms\":");
    line.ms(r.upstream_ns);
  }
  if (r.retries != 0) {
    line.literal(",\"retries\":");
    line.number(r.retries);
  }
  line.member(",\"user_agent\":\"", r.user_agent, (decoded.cut & kCutAgent) != 0);
  line.member(",\"referer\":\"", prepared.referer, (decoded.cut & kCutReferer) != 0);
  line.member(",\"error\":\"", r.error);
  line.member(",\"trace_id\":\"", r.trace_id);
  line.member(",\"access\":\"", r.access);
  line.literal("}\n");
  return {room_.get(), static_cast<std::size_t>(line.at() - room_.get())};
}

}  // namespace postern::accesslog
