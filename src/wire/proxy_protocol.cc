// PROXY protocol, as haproxy's proxy-protocol.txt specifies it; sequential, so cuts do not matter. Any thread.
#include "wire/proxy_protocol.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "wire/h1_write.h"

namespace postern::wire {
namespace {

constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t kFixed = 16;  // of v2: signature, command, family, length

ProxyResult fail(const char* reason) noexcept { return {ParseStatus::failed, 0, reason}; }

bool is_prefix(std::string_view whole, const char* data, std::size_t size) noexcept {
  return std::memcmp(whole.data(), data, std::min(size, whole.size())) == 0;
}

/// Cuts the next word off at a single space.
std::string_view next_word(std::string_view& rest) noexcept {
  const std::size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  return word;
}

bool parse_port(std::string_view text, std::uint16_t& port) noexcept {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) return false;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  port = static_cast<std::uint16_t>(value);
  return value <= 65535;
}

const char* parse_v1_line(std::string_view rest, ProxyHeader& out) noexcept {
  if (rest == "UNKNOWN" || rest.starts_with("UNKNOWN ")) return nullptr;  // the remainder is to be ignored
  const std::string_view family = next_word(rest);
  const std::uint8_t size = family == "TCP4" ? 4 : family == "TCP6" ? 16 : 0;
  if (size == 0) return "unknown family in a PROXY line";
  const auto source = http::parse_ip(next_word(rest));
  const auto destination = http::parse_ip(next_word(rest));
  if (!source || !destination || source->size != size || destination->size != size) {
    return "bad address in a PROXY line";
  }
  out.source = *source;
  out.destination = *destination;
  if (!parse_port(next_word(rest), out.source.port) || rest.find(' ') != std::string_view::npos ||
      !parse_port(rest, out.destination.port)) {
    return "bad port in a PROXY line";
  }
  return nullptr;
}

ProxyResult parse_v1(const char* data, std::size_t size, ProxyHeader& out) noexcept {
  const std::string_view text(data, std::min(size, kProxyV1Max));
  const std::size_t lf = text.find('\n');
  if (lf == std::string_view::npos) {
    if (text.size() == kProxyV1Max) return fail("PROXY line too long");
    return {};
  }
  if (text[lf - 1] != '\r') return fail("PROXY line without CRLF");  // lf is behind "PROXY "
  if (const char* reason = parse_v1_line(text.substr(6, lf - 7), out)) return fail(reason);
  return {ParseStatus::complete, lf + 1, nullptr};
}

std::uint16_t read16(const char* p) noexcept {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(p[0]) << 8 | static_cast<unsigned char>(p[1]));
}

void read_addresses(const char* p, std::uint8_t size, ProxyHeader& out) noexcept {
  std::memcpy(out.source.bytes.data(), p, size);
  std::memcpy(out.destination.bytes.data(), p + size, size);
  out.source.port = read16(p + 2 * size);
  out.destination.port = read16(p + 2 * size + 2);
  out.source.size = out.destination.size = size;
}

ProxyResult parse_v2(const char* data, std::size_t size, ProxyHeader& out) noexcept {
  if (size <= 12) return {};
  const auto command = static_cast<unsigned char>(data[12]);
  if (command != 0x20 && command != 0x21) return fail("unknown version or command in a PROXY header");
  if (size <= 13) return {};
  const auto family = static_cast<unsigned char>(data[13]);
  if ((family >> 4) > 3 || (family & 15) > 2) return fail("unknown family in a PROXY header");
  if (size < kFixed) return {};
  const std::size_t length = read16(data + 14);
  if (length > kProxyV2Payload) return fail("PROXY header too long");
  const bool proxied = command == 0x21;
  const std::uint8_t address = family >> 4 == 1 ? 4 : family >> 4 == 2 ? 16 : 0;
  const std::size_t needed = family >> 4 == 3 ? 216 : address == 0 ? 0 : 2U * address + 4U;
  if (proxied && length < needed) return fail("PROXY header too short for its addresses");
  if (size < kFixed + length) return {};
  out.local = !proxied;
  if (proxied && address != 0) read_addresses(data + kFixed, address, out);
  return {ParseStatus::complete, kFixed + length, nullptr};
}

char* put(char* out, std::string_view text) noexcept {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

bool same_family(const http::Address& a, const http::Address& b) noexcept {
  return a.size == b.size && (a.size == 4 || a.size == 16);
}

char* put16(char* out, unsigned value) noexcept {
  *out++ = static_cast<char>(value >> 8);
  *out++ = static_cast<char>(value & 0xff);
  return out;
}

}  // namespace

ProxyResult parse_proxy_header(const char* data, std::size_t size, ProxyHeader& out) noexcept {
  out = {};
  if (size == 0) return {};
  if (is_prefix("PROXY ", data, size)) return size < 6 ? ProxyResult{} : parse_v1(data, size, out);
  if (is_prefix(kSignature, data, size)) return parse_v2(data, size, out);
  return fail("no PROXY header");
}

char* write_proxy_v1(char* out, const http::Address& source, const http::Address& destination) noexcept {
  if (!same_family(source, destination)) return put(out, "PROXY UNKNOWN\r\n");
  out = put(out, source.size == 4 ? "PROXY TCP4 " : "PROXY TCP6 ");
  out = http::write_ip(out, source);
  *out++ = ' ';
  out = http::write_ip(out, destination);
  *out++ = ' ';
  out = write_decimal(out, source.port);
  *out++ = ' ';
  out = write_decimal(out, destination.port);
  return put(out, "\r\n");
}

char* write_proxy_v2(char* out, const http::Address& source, const http::Address& destination) noexcept {
  out = put(out, kSignature);
  if (!same_family(source, destination)) return put(out, {"\x20\x00\x00\x00", 4});
  *out++ = 0x21;
  *out++ = source.size == 4 ? 0x11 : 0x21;
  out = put16(out, 2U * source.size + 4U);
  for (const http::Address* address : {&source, &destination}) {
    std::memcpy(out, address->bytes.data(), address->size);
    out += address->size;
  }
  return put16(put16(out, source.port), destination.port);
}

}  // namespace postern::wire
