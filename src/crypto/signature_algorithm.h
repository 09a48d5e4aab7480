// The signature algorithms of JSON Web Signatures that postern knows (RFC 7518 section 3, RFC 8037). Any thread.
// "none" is not among them, nor is anything that is not written exactly like this.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::crypto {

enum class SignatureAlgorithm : std::uint8_t {
  rs256,
  rs384,
  rs512,
  ps256,
  ps384,
  ps512,
  es256,
  es384,
  es512,
  eddsa,
  hs256
};

inline constexpr std::array<std::string_view, 11> kSignatureAlgorithmNames{
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256"};

constexpr std::string_view to_string(SignatureAlgorithm algorithm) noexcept {
  return kSignatureAlgorithmNames[static_cast<std::size_t>(algorithm)];
}

/// Case counts.
constexpr std::optional<SignatureAlgorithm> find_signature_algorithm(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kSignatureAlgorithmNames.size(); ++i) {
    if (kSignatureAlgorithmNames[i] == name) return static_cast<SignatureAlgorithm>(i);
  }
  return std::nullopt;
}

/// Some of them.
class SignatureAlgorithms {
 public:
  constexpr SignatureAlgorithms() = default;
  constexpr void add(SignatureAlgorithm algorithm) noexcept { bits_ |= bit(algorithm); }
  [[nodiscard]] constexpr bool has(SignatureAlgorithm algorithm) const noexcept {
    return (bits_ & bit(algorithm)) != 0;
  }
  [[nodiscard]] constexpr bool is_empty() const noexcept { return bits_ == 0; }

 private:
  static constexpr std::uint16_t bit(SignatureAlgorithm algorithm) noexcept {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(algorithm));
  }
  std::uint16_t bits_ = 0;
};

}  // namespace postern::crypto
