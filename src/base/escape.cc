// See escape.h.
#include "base/escape.h"

#include <cstdint>
#include <cstring>

#include "base/plain_text.h"

namespace postern {
namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr char kUpperHex[] = "0123456789ABCDEF";

struct Decoded {
  std::uint32_t code_point = 0;
  std::size_t length = 0;  // 0: not UTF-8
};

bool is_continuation(unsigned char byte) noexcept { return (byte & 0xC0) == 0x80; }

/// One sequence of two to four bytes; overlong forms, surrogates and what is above U+10FFFF are not UTF-8.
Decoded decode_multibyte(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return {};
  std::uint32_t code_point = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(byte(i))) return {};
    code_point = (code_point << 6) | (byte(i) & 0x3FU);
  }
  const bool is_overlong = (length == 3 && code_point < 0x800) || (length == 4 && code_point < 0x10000);
  const bool is_surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (is_overlong || is_surrogate || code_point > 0x10FFFF) return {};
  return {code_point, length};
}

/// Valid characters that change what a reader sees around them.
bool acts_on_viewers(std::uint32_t code_point) noexcept {
  return (code_point >= 0x80 && code_point <= 0x9F) || (code_point >= 0x2028 && code_point <= 0x202E) ||
         (code_point >= 0x2066 && code_point <= 0x2069) || code_point == 0xFEFF;
}

void append_u(std::string& out, std::uint32_t code_point) {
  const char text[] = {'\\',
                       'u',
                       kHex[(code_point >> 12) & 15],
                       kHex[(code_point >> 8) & 15],
                       kHex[(code_point >> 4) & 15],
                       kHex[code_point & 15]};
  out.append(text, sizeof text);
}

void append_json_ascii(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      append_u(out, static_cast<unsigned char>(c));
  }
}

std::uint64_t load(const char* bytes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// The first byte from `begin` on that needs escaping; most of a log never does.
std::size_t end_of_plain(std::string_view text, std::size_t begin) noexcept {
  while (begin + 8 <= text.size() && are_plain(load(text.data() + begin))) begin += 8;
  while (begin < text.size() && is_plain(text[begin])) ++begin;
  return begin;
}

}  // namespace

void append_json(std::string& out, std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t run = end_of_plain(text, i);
    out.append(text, i, run - i);
    i = run;
    if (i == text.size()) return;
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      append_json_ascii(out, text[i++]);
      continue;
    }
    const Decoded decoded = decode_multibyte(text.substr(i));
    if (decoded.length == 0) {
      append_u(out, 0xFFFD);
      ++i;
    } else if (acts_on_viewers(decoded.code_point)) {
      append_u(out, decoded.code_point);
      i += decoded.length;
    } else {
      out.append(text, i, decoded.length);
      i += decoded.length;
    }
  }
}

void append_json_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_json(out, text);
  out += '"';
}

void append_utf8(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 1;
    if (static_cast<unsigned char>(text[i]) >= 0x80) length = decode_multibyte(text.substr(i)).length;
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++i;
      continue;
    }
    out.append(text, i, length);
    i += length;
  }
}

void append_hex_escaped(std::string& out, std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t run = end_of_plain(text, i);
    out.append(text, i, run - i);
    i = run;
    if (i == text.size()) return;
    const auto byte = static_cast<unsigned char>(text[i++]);
    const char escaped[] = {'\\', 'x', kUpperHex[byte >> 4], kUpperHex[byte & 15]};
    out.append(escaped, sizeof escaped);
  }
}

}  // namespace postern
