// The text of an API key: pst_<kid>_<secret>_<check>. The kid finds its record, the secret is 32 random bytes in
// base 62, and the check is a CRC-32 of all before it: a typo, or a scanner's guess, costs no digest. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crypto/secret_text.h"

namespace postern::identity {

inline constexpr std::string_view kApiKeyPrefix = "pst_";
inline constexpr std::size_t kApiKeyKid = 12;
inline constexpr std::size_t kApiKeySecret = 43;
inline constexpr std::size_t kApiKeyCheck = 6;
inline constexpr std::size_t kApiKeySize = kApiKeyPrefix.size() + kApiKeyKid + 1 + kApiKeySecret + 1 + kApiKeyCheck;

/// Whether a bearer is to be read as an API key at all (no JWT begins like this).
constexpr bool is_api_key(std::string_view text) noexcept { return text.starts_with(kApiKeyPrefix); }

/// The kid; nothing when the text is no API key: length, letters, or check are wrong.
std::optional<std::string_view> parse_api_key(std::string_view text) noexcept;
/// Whether a text could be a key's kid.
bool is_api_key_kid(std::string_view text) noexcept;

struct NewApiKey {
  std::string kid;
  crypto::SecretText text;
};
/// Nothing: the system has no randomness.
std::optional<NewApiKey> make_api_key();

}  // namespace postern::identity
