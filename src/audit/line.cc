#include "audit/line.h"

#include <algorithm>
#include <charconv>

namespace postern::audit {
namespace {

constexpr std::size_t kTime = 27;  // "2026-01-31T23:59:59.123456Z"
constexpr std::string_view kHashMember = ",\"hash\":\"";
constexpr std::string_view kSignatureMember = ",\"signature\":\"";

bool is_hex(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool take(std::string_view& text, std::string_view what) noexcept {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

/// The next `size` bytes; empty when there are fewer.
std::string_view take_bytes(std::string_view& text, std::size_t size) noexcept {
  if (text.size() < size) return {};
  const std::string_view bytes = text.substr(0, size);
  text.remove_prefix(size);
  return bytes;
}

std::optional<std::uint64_t> take_number(std::string_view& text) noexcept {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || (text.front() == '0' && at != text.data() + 1)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(at - text.data()));
  return value;
}

bool is_time(std::string_view text) noexcept {
  constexpr std::string_view kPattern = "dddd-dd-ddTdd:dd:dd.ddddddZ";
  static_assert(kPattern.size() == kTime);
  return std::ranges::equal(text, kPattern,
                            [](char c, char wanted) { return wanted == 'd' ? c >= '0' && c <= '9' : c == wanted; });
}

int digit(char c) noexcept { return c <= '9' ? c - '0' : c - 'a' + 10; }

/// Behind `"name":`. Quotes within texts are escaped, so that the pattern can only be found where a member begins.
std::optional<std::string_view> find_value(const Line& line, std::string_view name) noexcept {
  std::string_view rest = line.hashed;
  for (std::size_t at = rest.find(",\""); at != std::string_view::npos; at = rest.find(",\"")) {
    rest.remove_prefix(at + 2);
    if (!rest.starts_with(name)) continue;
    const std::string_view value = rest.substr(name.size());
    if (value.starts_with("\":")) return value.substr(2);
  }
  return std::nullopt;
}

}  // namespace

// Quotes within texts are escaped, so that what looks like the member at the end is it.
std::optional<Line> parse_line(std::string_view text) noexcept {
  constexpr std::size_t kTail = kHashMember.size() + kHexHash + 2;
  if (text.size() >= kMaxLine || !text.ends_with('}')) return std::nullopt;
  Line line;
  line.hashed = text;
  std::string_view tail = text.size() < kTail ? std::string_view() : text.substr(text.size() - kTail);
  if (take(tail, kHashMember)) {
    line.hashed = text.substr(0, text.size() - kTail);
    line.hash = take_bytes(tail, kHexHash);
    if (tail != "\"}" || !is_hex(line.hash)) return std::nullopt;
  }

  std::string_view head = line.hashed;
  if (!take(head, "{\"seq\":") || head.empty()) return std::nullopt;
  const std::optional<std::uint64_t> seq = take_number(head);
  if (!seq || *seq == 0 || !take(head, ",\"kind\":\"")) return std::nullopt;
  line.seq = *seq;
  line.kind = head.substr(0, std::min(head.find('"'), head.size()));
  const bool is_word = std::ranges::all_of(line.kind, [](char c) { return c >= 'a' && c <= 'z'; });
  if (line.kind.empty() || line.kind.size() > 16 || !is_word) return std::nullopt;
  head.remove_prefix(line.kind.size());
  if (!take(head, "\",\"time\":\"")) return std::nullopt;
  line.time = take_bytes(head, kTime);
  if (!is_time(line.time) || !take(head, "\"")) return std::nullopt;
  const std::string_view end = line.ends_group() ? "" : "}";
  if (head != end && !head.starts_with(',')) return std::nullopt;
  const bool stands_alone = line.kind == "file" || line.kind == "checkpoint" || line.kind == "shrunk";
  if (!stands_alone) return line;
  if (!take(head, ",\"prev\":\"")) return std::nullopt;
  line.prev = take_bytes(head, kHexHash);
  if (line.prev.empty() || !is_hex(line.prev) || !take(head, "\"") || !line.ends_group()) return std::nullopt;
  return line;
}

crypto::Sha256 hash_from(std::string_view hex) noexcept {
  crypto::Sha256 hash{};
  for (std::size_t i = 0; i < hash.size(); ++i) {
    hash[i] = static_cast<unsigned char>(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  }
  return hash;
}

void GroupHash::begin(const crypto::Sha256& before) noexcept {
  is_good_ = hasher_.begin() && hasher_.add({reinterpret_cast<const char*>(before.data()), before.size()});
}

void GroupHash::add(const Line& line) noexcept { is_good_ = is_good_ && hasher_.add(line.hashed) && hasher_.add("\n"); }

bool GroupHash::fits(const Line& last) noexcept {
  crypto::Sha256 hash{};
  return is_good_ && hasher_.add(last.hashed) && hasher_.end(hash) && hash == hash_from(last.hash);
}

std::optional<std::string_view> find_text(const Line& line, std::string_view name) noexcept {
  std::optional<std::string_view> value = find_value(line, name);
  if (!value || !take(*value, "\"")) return std::nullopt;
  for (std::size_t i = 0; i < value->size(); ++i) {
    if ((*value)[i] == '"') return value->substr(0, i);
    if ((*value)[i] == '\\') ++i;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> find_number(const Line& line, std::string_view name) noexcept {
  std::optional<std::string_view> value = find_value(line, name);
  if (!value || value->empty()) return std::nullopt;
  return take_number(*value);
}

std::optional<Signed> find_signature(const Line& line) noexcept {
  const std::size_t at = line.hashed.rfind(kSignatureMember);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = line.hashed.substr(at + kSignatureMember.size());
  Signed found;
  const std::string_view hex = take_bytes(rest, 2 * found.signature.size());
  const std::optional<std::string_view> key = find_text(line, "key");
  if (hex.empty() || rest != "\"" || !is_hex(hex) || !key) return std::nullopt;
  found.message = line.hashed.substr(0, at);
  found.key = *key;
  for (std::size_t i = 0; i < found.signature.size(); ++i) {
    found.signature[i] = static_cast<unsigned char>(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  }
  return found;
}

}  // namespace postern::audit
