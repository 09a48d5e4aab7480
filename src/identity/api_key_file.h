// The file of API keys: one JSON object per line, hashed keys only. Strict: one bad line makes the whole file invalid,
// since a line that cannot be read may be the one that revokes. Pure; any bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/sha256.h"

namespace postern::identity {

inline constexpr std::size_t kMostApiKeyFile = std::size_t{16} << 20;
inline constexpr std::size_t kMostApiKeyTexts = 256;  // scopes, groups, roles: each

struct ApiKeyRecord {
  std::string kid;
  crypto::Sha256 digest{};  // of the whole key
  std::string name;         // what it is for, to people
  std::string subject;
  std::vector<std::string> scopes;
  std::vector<std::string> groups;
  std::vector<std::string> roles;
  std::int64_t created = 0;  // seconds since 1970, as all of them
  std::int64_t expires = 0;  // never 0
  std::int64_t revoked = 0;  // 0: it is not

  friend bool operator==(const ApiKeyRecord&, const ApiKeyRecord&) = default;
};

struct ApiKeyFile {
  std::string error;  // "line 3: expires: missing"; empty: it is good
  std::vector<ApiKeyRecord> records;
};

/// Whether a text may stand in a record: it has bytes, not too many, and no control characters.
bool is_api_key_text(std::string_view text) noexcept;
ApiKeyFile parse_api_key_file(std::string_view text);
/// One line, with its end.
std::string api_key_line(const ApiKeyRecord& record);

}  // namespace postern::identity
