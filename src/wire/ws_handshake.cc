#include "wire/ws_handshake.h"

#include <sys/random.h>

#include <cstring>

#include "crypto/sha1.h"
#include "http/list.h"

namespace postern::wire {

namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void write_base64(const unsigned char* in, std::size_t size, char* out) noexcept {
  for (; size >= 3; in += 3, size -= 3) {
    *out++ = kAlphabet[in[0] >> 2];
    *out++ = kAlphabet[(in[0] & 3) << 4 | in[1] >> 4];
    *out++ = kAlphabet[(in[1] & 15) << 2 | in[2] >> 6];
    *out++ = kAlphabet[in[2] & 63];
  }
  if (size == 0) return;
  const unsigned second = size == 2 ? in[1] : 0U;
  *out++ = kAlphabet[in[0] >> 2];
  *out++ = kAlphabet[(in[0] & 3U) << 4 | second >> 4];
  *out++ = size == 2 ? kAlphabet[(second & 15) << 2] : '=';
  *out = '=';
}

bool is_base64(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/// The only value of that name; a null view where there is none or more than one.
std::string_view only(const http::Fields& fields, std::string_view name) noexcept {
  std::string_view value;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const http::Field field = fields[i];
    if (!http::iequals(field.name, name)) continue;
    if (value.data() != nullptr) return {};
    value = field.value;
  }
  return value;
}

bool lists(const http::Fields& fields, http::FieldId id, std::string_view token) noexcept {
  bool found = false;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields.id(i) != id) continue;
    http::for_each_token(fields[i].value, [&](std::string_view one) { found = found || http::iequals(one, token); });
  }
  return found;
}

WsUpgrade refuse(std::uint16_t status, const char* reason) noexcept {
  return {.wanted = true, .status = status, .reason = reason, .key = {}};
}

}  // namespace

WsKey make_ws_key() noexcept {
  // It keeps caches and confused servers from answering, nothing more: a short read cannot be, and would not matter.
  std::array<unsigned char, 16> bytes{};
  [[maybe_unused]] const auto got = ::getrandom(bytes.data(), bytes.size(), 0);
  WsKey key;
  write_base64(bytes.data(), bytes.size(), key.data());
  return key;
}

bool is_ws_key(std::string_view text) noexcept {
  if (text.size() != kWsKeySize || text.substr(kWsKeySize - 2) != "==") return false;
  for (const char c : text.substr(0, kWsKeySize - 2)) {
    if (!is_base64(c)) return false;
  }
  return true;
}

bool ws_accept(std::string_view key, WsAccept& out) noexcept {
  std::array<char, kWsKeySize + kGuid.size()> text;
  if (key.size() != kWsKeySize) return false;
  std::memcpy(text.data(), key.data(), key.size());
  std::memcpy(text.data() + key.size(), kGuid.data(), kGuid.size());
  crypto::Sha1 digest;
  if (!crypto::sha1(text, digest)) return false;
  write_base64(digest.data(), digest.size(), out.data());
  return true;
}

WsUpgrade read_ws_upgrade(const http::RequestHead& head) noexcept {
  if (!lists(head.fields, http::FieldId::upgrade, kWebSocket)) return {};
  // Half a handshake is refused, not stripped: whoever sent it would take the answer for something else.
  if (head.method != http::Method::get) return refuse(400, "WebSocket handshake without the method GET");
  if (head.minor_version == 0) return refuse(400, "WebSocket handshake in a version before HTTP/1.1");
  if (!lists(head.fields, http::FieldId::connection, "upgrade"))
    return refuse(400, "WebSocket handshake without Connection: upgrade");
  if (head.framing != http::Framing::none) return refuse(400, "WebSocket handshake with a request body");
  if (only(head.fields, kWsVersionField) != kWsVersion) return refuse(426, "WebSocket version not supported");
  const std::string_view key = only(head.fields, kWsKeyField);
  if (!is_ws_key(key)) return refuse(400, "WebSocket handshake without a valid Sec-WebSocket-Key field");
  return {.wanted = true, .status = 0, .reason = nullptr, .key = key};
}

bool is_ws_agreement(const http::ResponseHead& head, std::string_view key) noexcept {
  WsAccept expected;
  return head.status == 101 && head.minor_version >= 1 && lists(head.fields, http::FieldId::upgrade, kWebSocket) &&
         lists(head.fields, http::FieldId::connection, "upgrade") && ws_accept(key, expected) &&
         only(head.fields, kWsAcceptField) == std::string_view(expected.data(), expected.size());
}

bool is_ws_hop_field(std::string_view name) noexcept {
  return http::iequals(name, kWsKeyField) || http::iequals(name, kWsAcceptField) ||
         http::iequals(name, kWsVersionField);
}

}  // namespace postern::wire
