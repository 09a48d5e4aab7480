// Field lines: one load finds the colon, one table compare knows the name, one scan finds the end of the value.
// Whatever looks odd leaves the loop for judge_line(), which is slow and exact. Any core.
#include "wire/h1_fields.h"

#include <algorithm>

#include "http/field_lookup.h"
#include "http/list.h"
#include "http/scan.h"

namespace postern::wire {
namespace {

namespace scan = http::scan;

/// What is wrong with a whole line that is not `name: value`.
const char* name_fault(std::string_view line) noexcept {
  if (http::is_blank(line.front())) return "folded field line";
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return "field line without a colon";
  if (colon == 0) return "empty field name";
  if (http::is_blank(line[colon - 1])) return "blank before the colon of a field";
  return "forbidden byte in a field name";
}

/// A line that the fast path did not take: forbidden bytes first, as they come, then its form.
void judge_line(const char* line, const char* end, const char* base, const char* fault, FieldBlock& block) noexcept {
  const LineScan found = scan_line(line, end, base);
  if (found.error != nullptr) {
    block.status = ParseStatus::failed;
    block.reason = found.error;
  } else if (found.complete) {
    const std::string_view text(line, static_cast<std::size_t>(found.line_end - line));
    block.status = ParseStatus::failed;
    block.reason = fault != nullptr ? fault : name_fault(text);
  } else {
    block.status = ParseStatus::need_more;
  }
}

/// OR of the complements of the classes, so that one test tells whether all bytes were name bytes.
bool is_name(const char* p, const char* end, bool& has_underscore) noexcept {
  unsigned all = scan::kToken | scan::kUnderscore;
  unsigned any = 0;
  for (; p != end; ++p) {
    const unsigned c = scan::kClasses[static_cast<unsigned char>(*p)];
    all &= (c & scan::kToken) != 0 || (c & scan::kUnderscore) != 0 ? ~0U : 0U;
    any |= c;
  }
  has_underscore = (any & scan::kUnderscore) != 0;
  return all != 0;
}

}  // namespace

LineScan scan_line(const char* line, const char* end, const char* base) noexcept {
  const char* stop = scan::find_control(line, end, base);
  if (stop == end) return {};
  if (*stop == '\r') {
    if (stop + 1 == end) return {};
    if (stop[1] == '\n') return {nullptr, stop, true};
    return {"bare CR", nullptr, false};
  }
  if (*stop == '\n') return {"bare LF", nullptr, false};
  return {"control character", nullptr, false};
}

FieldBlock read_fields(const char* line, const char* end, const char* base, unsigned max_fields,
                       UnderscoreRule underscores, http::Fields& out) noexcept {
  FieldBlock block;
  const char* p = line;
  const std::size_t limit = std::min<std::size_t>(max_fields, http::Fields::kCapacity);
  std::size_t lines = 0;
  for (;;) {
    if (p == end) return block;
    if (*p == '\r') {
      if (p + 1 == end) return block;
      if (p[1] == '\n') {
        block.status = ParseStatus::complete;
        block.end = p + 2;
      } else {
        judge_line(p, end, base, nullptr, block);
      }
      return block;
    }
    const char* colon = scan::find_byte(p, end, base, ':');
    const auto name_size = static_cast<std::size_t>(colon - p);
    const http::FieldId id = colon == end ? http::FieldId::other : http::lookup::find(p, name_size);
    bool has_underscore = false;
    if (id == http::FieldId::other) [[unlikely]] {
      if (colon == end || name_size == 0 || !is_name(p, colon, has_underscore)) {
        judge_line(p, end, base, nullptr, block);
        return block;
      }
      if (has_underscore && underscores == UnderscoreRule::reject) {
        judge_line(p, end, base, "underscore in a field name", block);
        return block;
      }
    }
    const char* value = colon + 1;
    while (value != end && http::is_blank(*value)) ++value;
    const char* stop = scan::find_control(value, end, base);
    if (end - stop < 2 || stop[0] != '\r' || stop[1] != '\n') {
      judge_line(p, end, base, nullptr, block);
      return block;
    }
    const char* value_end = stop;
    while (value_end != value && http::is_blank(value_end[-1])) --value_end;
    if (++lines > limit) {
      block.too_many = true;
    } else if (!has_underscore || underscores == UnderscoreRule::pass) {
      const std::uint64_t bit = http::bit(id);
      block.repeated |= block.seen & bit;
      block.seen |= bit;
      out.add({p, name_size}, {value, static_cast<std::size_t>(value_end - value)}, id);
    }
    p = stop + 2;
  }
}

TransferCoding parse_transfer_encoding(std::string_view value) noexcept {
  if (http::iequals(value, "chunked")) return TransferCoding::chunked;
  if (value.empty()) return TransferCoding::malformed;
  bool after_chunked = false;
  for (;;) {
    const std::size_t comma = value.find(',');
    const std::string_view coding = http::trim(value.substr(0, comma));
    const auto is_token_byte = [](char c) { return scan::is(c, scan::kToken | scan::kUnderscore); };
    if (coding.empty() || !std::all_of(coding.begin(), coding.end(), is_token_byte)) return TransferCoding::malformed;
    if (after_chunked) return TransferCoding::malformed;  // chunked is the last, and only once
    after_chunked = http::iequals(coding, "chunked");
    if (comma == std::string_view::npos) return TransferCoding::unsupported;
    value.remove_prefix(comma + 1);
  }
}

bool parse_content_length(std::string_view value, std::uint64_t& out) noexcept {
  constexpr std::uint64_t kMax = ~std::uint64_t{0} >> 1;
  if (value.empty()) return false;
  std::uint64_t n = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return false;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (n > (kMax - digit) / 10) return false;
    n = n * 10 + digit;
  }
  out = n;
  return true;
}

bool decide_keep_alive(const http::Fields& fields, std::uint64_t seen, unsigned minor_version) noexcept {
  bool keep_alive = minor_version >= 1;
  if ((seen & http::bit(http::FieldId::connection)) == 0) return keep_alive;
  bool close = false;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields.id(i) != http::FieldId::connection) continue;
    http::for_each_token(fields[i].value, [&](std::string_view option) {
      if (http::iequals(option, "close")) close = true;
      if (http::iequals(option, "keep-alive")) keep_alive = true;
    });
  }
  return keep_alive && !close;
}

}  // namespace postern::wire
