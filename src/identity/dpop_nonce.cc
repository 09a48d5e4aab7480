#include "identity/dpop_nonce.h"

#include <cstring>
#include <stdexcept>

#include "base/base64url.h"
#include "crypto/hmac.h"
#include "crypto/random_bytes.h"

namespace postern::identity {

DpopNonces::Key DpopNonces::make_key() {
  Key key{};
  if (!crypto::fill_random(key)) throw std::runtime_error("no random bytes for DPoP nonces");
  return key;
}

DpopNonces::~DpopNonces() {
  volatile unsigned char* byte = key_.data();
  for (std::size_t i = 0; i < key_.size(); ++i) byte[i] = 0;
}

std::string DpopNonces::nonce_of(std::string_view thumbprint, std::int64_t bucket) const {
  std::string message(sizeof bucket, '\0');
  std::memcpy(message.data(), &bucket, sizeof bucket);
  message += thumbprint;
  crypto::Hmac mac{};
  const std::string_view key(reinterpret_cast<const char*>(key_.data()), key_.size());
  if (!crypto::hmac_sha256(key, message, mac)) return {};
  return encode_base64url({reinterpret_cast<const char*>(mac.data()), 16});
}

std::string DpopNonces::make(std::string_view thumbprint, std::int64_t now) const {
  return nonce_of(thumbprint, now / kSeconds);
}

DpopNonces::State DpopNonces::check(std::string_view nonce, std::string_view thumbprint, std::int64_t now) const {
  if (nonce.size() != kSize) return State::bad;
  if (crypto::equal_in_constant_time(nonce, nonce_of(thumbprint, now / kSeconds))) return State::good;
  const bool older = crypto::equal_in_constant_time(nonce, nonce_of(thumbprint, now / kSeconds - 1));
  return older ? State::ageing : State::bad;
}

}  // namespace postern::identity
