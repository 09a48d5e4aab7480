#include "upstream/token.h"

#include "crypto/hmac.h"

namespace postern::upstream {

namespace {

constexpr std::size_t kIdSize = 16;
constexpr char kDigits[] = "0123456789abcdef";

}  // namespace

bool make_token(std::string_view key, std::string_view upstream, std::uint64_t id, EndpointToken& out) noexcept {
  char* at = out.data();
  for (int shift = 60; shift >= 0; shift -= 4) *at++ = kDigits[(id >> shift) & 15];
  // The id has a fixed size: no two pairs make one message.
  std::array<char, kIdSize + 64> message{};
  if (upstream.size() > message.size() - kIdSize) return false;
  std::string_view(out.data(), kIdSize).copy(message.data(), kIdSize);
  upstream.copy(message.data() + kIdSize, upstream.size());
  crypto::Hmac mac{};
  if (!crypto::hmac_sha256(key, {message.data(), kIdSize + upstream.size()}, mac)) return false;
  for (std::size_t i = 0; at != out.data() + out.size(); ++i) {
    *at++ = kDigits[mac[i] >> 4];
    *at++ = kDigits[mac[i] & 15];
  }
  return true;
}

std::optional<std::uint64_t> token_id(std::string_view token) noexcept {
  if (token.size() != EndpointToken().size()) return std::nullopt;
  std::uint64_t id = 0;
  for (const char c : token.substr(0, kIdSize)) {
    const std::size_t digit = std::string_view(kDigits, 16).find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    id = id << 4 | digit;
  }
  return id;
}

}  // namespace postern::upstream
