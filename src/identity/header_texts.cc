#include "identity/header_texts.h"

namespace postern::identity {

namespace {

std::string one(std::string_view text) {
  std::string out;
  append_header_text(out, text, false);
  return out;
}

std::string list(const std::vector<std::string>& elements) {
  std::string out;
  for (const std::string& element : elements) {
    if (!out.empty()) out += ',';
    append_header_text(out, element, true);
  }
  return out;
}

}  // namespace

void append_header_text(std::string& out, std::string_view text, bool element) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // A space at an end would be taken off on the way.
    const bool edge = byte == ' ' && (i == 0 || i + 1 == text.size());
    if (byte < 0x20 || byte > 0x7e || byte == '%' || edge || (element && byte == ',')) {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += text[i];
    }
  }
}

void write_header_texts(Principal& who) {
  who.header.subject = one(who.subject);
  who.header.email = one(who.email);
  who.header.name = one(who.name);
  who.header.preferred_username = one(who.preferred_username);
  who.header.groups = list(who.groups);
  who.header.roles = list(who.roles);
}

}  // namespace postern::identity
