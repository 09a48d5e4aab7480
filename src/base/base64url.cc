#include "base/base64url.h"

#include <array>
#include <cstdint>

namespace postern {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kBad = 128;

constexpr std::array<std::uint8_t, 256> kValues = [] {
  std::array<std::uint8_t, 256> values{};
  for (std::uint8_t& value : values) value = kBad;
  for (std::uint8_t i = 0; i < 64; ++i) values[static_cast<unsigned char>(kAlphabet[i])] = i;
  return values;
}();

unsigned value_of(char c) noexcept { return kValues[static_cast<unsigned char>(c)]; }
unsigned byte_of(char c) noexcept { return static_cast<unsigned char>(c); }

}  // namespace

bool decode_base64url(std::string_view text, char* out) noexcept {
  const std::size_t rest = text.size() % 4;
  if (rest == 1) return false;
  const char* p = text.data();
  unsigned seen = 0;
  for (const char* const end = p + (text.size() - rest); p != end; p += 4) {
    const unsigned a = value_of(p[0]), b = value_of(p[1]), c = value_of(p[2]), d = value_of(p[3]);
    seen |= a | b | c | d;
    const unsigned bits = a << 18 | b << 12 | c << 6 | d;
    *out++ = static_cast<char>(bits >> 16);
    *out++ = static_cast<char>(bits >> 8);
    *out++ = static_cast<char>(bits);
  }
  if (rest != 0) {
    const unsigned a = value_of(p[0]), b = value_of(p[1]), c = rest == 3 ? value_of(p[2]) : 0;
    seen |= a | b | c;
    if ((rest == 3 ? c & 3 : b & 15) != 0) return false;
    const unsigned bits = a << 18 | b << 12 | c << 6;
    *out++ = static_cast<char>(bits >> 16);
    if (rest == 3) *out++ = static_cast<char>(bits >> 8);
  }
  return (seen & kBad) == 0;
}

std::optional<std::string> decode_base64url(std::string_view text) {
  std::string out(base64url_decoded_size(text.size()), '\0');
  if (!decode_base64url(text, out.data())) return std::nullopt;
  return out;
}

std::string encode_base64url(std::string_view bytes) {
  std::string out;
  out.reserve(base64url_encoded_size(bytes.size()));
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    const unsigned bits =
        byte_of(bytes[i]) << 16 | (left > 1 ? byte_of(bytes[i + 1]) << 8 : 0) | (left > 2 ? byte_of(bytes[i + 2]) : 0);
    out.push_back(kAlphabet[bits >> 18]);
    out.push_back(kAlphabet[(bits >> 12) & 63]);
    if (left > 1) out.push_back(kAlphabet[(bits >> 6) & 63]);
    if (left > 2) out.push_back(kAlphabet[bits & 63]);
  }
  return out;
}

}  // namespace postern
