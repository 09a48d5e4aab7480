// See redact.h.
#include "accesslog/redact.h"

#include <algorithm>
#include <array>

namespace postern::accesslog {
namespace {

constexpr std::string_view kMask = "***";

constexpr std::array<std::string_view, 26> kSecretKeys = {
    "access_token",
    "token",
    "id_token",
    "refresh_token",
    "auth_token",
    "code",
    "code_verifier",
    "api_key",
    "apikey",
    "api-key",
    "key",
    "subscription-key",
    "password",
    "passwd",
    "pwd",
    "secret",
    "client_secret",
    "client_assertion",
    "assertion",
    "samlresponse",
    "jwt",
    "sig",
    "signature",
    "x-amz-signature",
    "x-amz-security-token",
    "x-goog-signature",
};
constexpr std::size_t kLongestKey = 24;

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// Masks user:password in front of an '@' when `uri` is absolute; returns what is behind it.
std::string_view append_without_userinfo(std::string& out, std::string_view uri) {
  const std::size_t scheme = uri.find("://");
  if (scheme == std::string_view::npos || uri.find_first_of("?#") < scheme) return uri;
  const std::size_t start = scheme + 3;
  const std::string_view authority = uri.substr(start, uri.find_first_of("/?#", start) - start);
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return uri;
  out.append(uri, 0, start).append(kMask);
  return uri.substr(start + at);
}

}  // namespace

bool is_secret_key(std::string_view key) noexcept {
  std::array<char, kLongestKey> plain;
  std::size_t length = 0;
  for (std::size_t i = 0; i < key.size() && key[i] != '['; ++i) {
    char c = key[i];
    if (c == '%' && i + 2 < key.size()) {
      const int high = hex_value(key[i + 1]), low = hex_value(key[i + 2]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high * 16 + low);
        i += 2;
      }
    }
    if (c == '[') break;  // token[]=, token%5B0%5D=
    if (length == plain.size()) return false;
    plain[length++] = to_lower(c);
  }
  return std::ranges::find(kSecretKeys, std::string_view(plain.data(), length)) != kSecretKeys.end();
}

void append_redacted(std::string& out, std::string_view uri) {
  std::string_view rest = append_without_userinfo(out, uri);
  const std::size_t query = rest.find_first_of("?#");
  if (query == std::string_view::npos) {
    out += rest;
    return;
  }
  out.append(rest, 0, query);
  rest.remove_prefix(query);
  while (!rest.empty()) {  // rest starts with a separator
    out += rest[0];
    rest.remove_prefix(1);
    const std::size_t key_end = std::min(rest.find_first_of("=&;?#"), rest.size());
    const std::string_view key = rest.substr(0, key_end);
    out += key;
    rest.remove_prefix(key_end);
    if (rest.empty() || rest[0] != '=') continue;
    const bool is_secret = is_secret_key(key);
    // A secret may hold ';' and '?' as they are: it reaches to the next '&'. Too much is better than a part of it.
    const std::size_t value_end = std::min(rest.find_first_of(is_secret ? "&" : "&;?#"), rest.size());
    if (is_secret) {
      out.append("=").append(kMask);
    } else {
      out.append(rest, 0, value_end);
    }
    rest.remove_prefix(value_end);
  }
}

}  // namespace postern::accesslog
