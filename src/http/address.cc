// IP addresses as text, strictly (no octal, no short forms, no zones). Any thread.
#include "http/address.h"

#include <cstring>

#include "http/scan.h"

namespace postern::http {
namespace {

/// Four decimal bytes at the front of `text`, all of it.
bool parse_v4(std::string_view text, std::uint8_t* out) noexcept {
  std::size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (at >= text.size() || text[at] != '.') return false;
      ++at;
    }
    unsigned value = 0;
    std::size_t digits = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++digits) {
      if (digits == 3 || (digits == 1 && value == 0)) return false;  // too long, or a leading zero
      value = value * 10 + static_cast<unsigned>(text[at] - '0');
    }
    if (digits == 0 || value > 255) return false;
    out[part] = static_cast<std::uint8_t>(value);
  }
  return at == text.size();
}

bool parse_v6(std::string_view text, std::uint8_t* out) noexcept {
  std::size_t filled = 0;  // bytes
  std::size_t gap = 17;    // where "::" stands, in bytes
  std::size_t at = 0;
  if (text.size() >= 2 && text[0] == ':' && text[1] == ':') {
    gap = 0;
    at = 2;
  }
  while (at < text.size()) {
    if (filled == 16) return false;
    const std::size_t group = at;
    unsigned value = 0;
    for (; at < text.size() && at - group < 5 && scan::hex_value(text[at]) >= 0; ++at) {
      value = value << 4 | static_cast<unsigned>(scan::hex_value(text[at]));
    }
    const std::size_t digits = at - group;
    if (at < text.size() && text[at] == '.') {  // dotted tail
      if (filled > 12 || !parse_v4(text.substr(group), out + filled)) return false;
      filled += 4;
      break;
    }
    if (digits == 0 || digits > 4) return false;
    out[filled++] = static_cast<std::uint8_t>(value >> 8);
    out[filled++] = static_cast<std::uint8_t>(value & 0xff);
    if (at == text.size()) break;
    if (text[at++] != ':' || at == text.size()) return false;
    if (text[at] == ':') {
      if (gap != 17) return false;
      gap = filled;
      ++at;
    }
  }
  if (gap == 17) return filled == 16;
  if (filled > 14) return false;  // "::" stands for one group at least
  const std::size_t tail = filled - gap;
  std::memmove(out + 16 - tail, out + gap, tail);
  std::memset(out + gap, 0, 16 - filled);
  return true;
}

bool parse_port(std::string_view digits, std::uint16_t& port) noexcept {
  if (digits.empty() || digits.size() > 5) return false;
  unsigned value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  port = static_cast<std::uint16_t>(value);
  return value <= 65535;
}

char* write_number(char* out, unsigned value, unsigned base) noexcept {
  char digits[5];
  int n = 0;
  do {
    digits[n++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  while (n > 0) *out++ = digits[--n];
  return out;
}

char* write_v4(char* out, const std::uint8_t* bytes) noexcept {
  for (int i = 0; i < 4; ++i) {
    if (i > 0) *out++ = '.';
    out = write_number(out, bytes[i], 10);
  }
  return out;
}

char* write_v6(char* out, const std::uint8_t* bytes) noexcept {
  const auto group = [bytes](int i) { return static_cast<unsigned>(bytes[2 * i] << 8 | bytes[2 * i + 1]); };
  int best = -1;  // the longest run of two or more zero groups, the first of equals (RFC 5952 4.2)
  int best_size = 1;
  for (int i = 0; i < 8;) {
    int run = 0;
    while (i + run < 8 && group(i + run) == 0) ++run;
    if (run > best_size) {
      best = i;
      best_size = run;
    }
    i += run + 1;
  }
  for (int i = 0; i < 8; ++i) {
    if (i == best) {
      *out++ = ':';
      if (i == 0) *out++ = ':';
      i += best_size - 1;
      continue;
    }
    out = write_number(out, group(i), 16);
    if (i < 7) *out++ = ':';
  }
  return out;
}

bool is_mapped(const Address& address) noexcept {
  constexpr std::array<std::uint8_t, 12> kPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return address.size == 16 && std::memcmp(address.bytes.data(), kPrefix.data(), kPrefix.size()) == 0;
}

}  // namespace

std::optional<Address> parse_ip(std::string_view text) noexcept {
  if (text.size() > kIpTextMax) return std::nullopt;
  Address address;
  if (text.find(':') == std::string_view::npos) {
    address.size = 4;
    if (!parse_v4(text, address.bytes.data())) return std::nullopt;
  } else {
    address.size = 16;
    if (!parse_v6(text, address.bytes.data())) return std::nullopt;
  }
  return address;
}

std::optional<Address> parse_ip_port(std::string_view text) noexcept {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = text.substr(1, close - 1);
    if (host.find(':') == std::string_view::npos) return std::nullopt;  // brackets are for IPv6
    const std::string_view rest = text.substr(close + 1);
    has_port = !rest.empty();
    if (has_port && rest.front() != ':') return std::nullopt;
    if (has_port) port = rest.substr(1);
  } else if (const std::size_t colon = text.find(':');
             colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  std::optional<Address> address = parse_ip(host);
  if (address && has_port && !parse_port(port, address->port)) return std::nullopt;
  return address;
}

Address unmapped(const Address& address) noexcept {
  if (!is_mapped(address)) return address;
  Address v4;
  v4.size = 4;
  v4.port = address.port;
  std::memcpy(v4.bytes.data(), address.bytes.data() + 12, 4);
  return v4;
}

char* write_ip(char* out, const Address& address) noexcept {
  if (address.size == 4) return write_v4(out, address.bytes.data());
  if (address.size != 16) return out;
  if (is_mapped(address)) {
    std::memcpy(out, "::ffff:", 7);
    return write_v4(out + 7, address.bytes.data() + 12);
  }
  return write_v6(out, address.bytes.data());
}

}  // namespace postern::http
