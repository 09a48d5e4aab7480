#include "identity/api_key.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "crypto/random_bytes.h"

namespace postern::identity {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kSecretBytes = 32;

constexpr bool is_digit(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// CRC-32 of IEEE 802.3, as zlib and gzip have it.
constexpr std::array<std::uint32_t, 256> crc_table() noexcept {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrc = crc_table();

std::array<char, kApiKeyCheck> check_of(std::string_view text) noexcept {
  std::uint32_t crc = 0xffffffff;
  for (const char c : text) crc = (crc >> 8) ^ kCrc[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  crc = ~crc;
  std::array<char, kApiKeyCheck> out{};  // 62^6 is more than 2^32
  for (std::size_t i = out.size(); i-- > 0; crc /= 62) out[i] = kDigits[crc % 62];
  return out;
}

/// Big-endian bytes as a number of exactly kApiKeySecret digits: 62^43 is more than 2^256.
void append_base62(std::string& out, std::array<unsigned char, kSecretBytes>& number) {
  const std::size_t start = out.size();
  out.resize(start + kApiKeySecret);
  for (std::size_t i = out.size(); i-- > start;) {
    unsigned rest = 0;
    for (unsigned char& byte : number) {
      const unsigned value = rest << 8 | byte;
      byte = static_cast<unsigned char>(value / 62);
      rest = value % 62;
    }
    out[i] = kDigits[rest];
  }
}

std::string random_kid() {
  std::string kid;
  while (kid.size() < kApiKeyKid) {
    std::array<unsigned char, 32> bytes{};
    if (!crypto::fill_random(bytes)) return {};
    for (const unsigned char byte : bytes) {
      // 248 is 4 * 62: beyond it some digits would be likelier than others.
      if (byte < 248 && kid.size() < kApiKeyKid) kid += kDigits[byte % 62];
    }
  }
  return kid;
}

}  // namespace

bool is_api_key_kid(std::string_view text) noexcept {
  return text.size() == kApiKeyKid && std::ranges::all_of(text, is_digit);
}

std::optional<std::string_view> parse_api_key(std::string_view text) noexcept {
  if (text.size() != kApiKeySize || !is_api_key(text)) return std::nullopt;
  const std::string_view kid = text.substr(kApiKeyPrefix.size(), kApiKeyKid);
  const std::string_view rest = text.substr(kApiKeyPrefix.size() + kApiKeyKid);
  const std::string_view secret = rest.substr(1, kApiKeySecret);
  const std::string_view check = rest.substr(kApiKeySecret + 2);
  if (!is_api_key_kid(kid) || rest[0] != '_' || rest[kApiKeySecret + 1] != '_') return std::nullopt;
  if (!std::ranges::all_of(secret, is_digit)) return std::nullopt;
  if (!std::ranges::equal(check, check_of(text.substr(0, text.size() - kApiKeyCheck)))) return std::nullopt;
  return kid;
}

std::optional<NewApiKey> make_api_key() {
  NewApiKey key;
  key.kid = random_kid();
  std::array<unsigned char, kSecretBytes> secret{};
  if (key.kid.empty() || !crypto::fill_random(secret)) return std::nullopt;
  std::string& text = key.text.buffer();
  text.reserve(kApiKeySize);
  text += kApiKeyPrefix;
  text += key.kid;
  text += '_';
  append_base62(text, secret);  // leaves zeros behind
  text += '_';
  const std::array<char, kApiKeyCheck> check = check_of(text);
  text.append(check.data(), check.size());
  return key;
}

}  // namespace postern::identity
