// Nonces for DPoP proofs (RFC 9449, section 9) that nobody has to remember: an HMAC of the half minute and of the key
// that the proof is made with. A proof is thus good for a minute at most, and only for who has asked for it; within
// that time it can be used again for the same method, URL and token, which is what storing every `jti` would prevent.
// The same key on every core. Immutable; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::identity {

class DpopNonces {
 public:
  static constexpr std::int64_t kSeconds = 30;
  static constexpr std::size_t kSize = 22;  // base64url of 128 bits

  using Key = std::array<unsigned char, 32>;
  /// Throws std::runtime_error when the system has no randomness. Once per process.
  static Key make_key();

  explicit DpopNonces(const Key& key) noexcept : key_(key) {}
  DpopNonces(const DpopNonces&) = delete;
  DpopNonces& operator=(const DpopNonces&) = delete;
  ~DpopNonces();

  /// For the header DPoP-Nonce. Empty: the library would not.
  std::string make(std::string_view thumbprint, std::int64_t now) const;

  /// ageing: good, but its half minute is over, and the answer should carry a new one.
  enum class State : std::uint8_t { good, ageing, bad };
  State check(std::string_view nonce, std::string_view thumbprint, std::int64_t now) const;

 private:
  std::string nonce_of(std::string_view thumbprint, std::int64_t bucket) const;

  Key key_;
};

}  // namespace postern::identity
