// What Microsoft's endpoints answer when an application asks for a caller's groups: its own token, and pages of groups.
// Pure, strict and bounded; any thread. DirectoryClient asks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/share.h"
#include "crypto/secret_text.h"
#include "postern/principal.h"

namespace postern::identity {

inline constexpr std::size_t kMostGraphBytes = 512 * 1024;  // of one answer
inline constexpr std::size_t kMostGraphPages = 20;
inline constexpr std::size_t kMostGraphGroups = 10'000;

/// As tenants and objects are named there; what is none never becomes a part of a URL.
bool is_guid(std::string_view text) noexcept;

/// Where the caller stands in a directory: "TENANT/users/ID", or servicePrincipals. Empty: the token does not say.
std::string directory_path_of(const Principal& who);

struct ClientToken {
  crypto::SecretText text;
  std::int64_t good_for_s = 0;
  std::string error;  // empty: it is one
};
ClientToken parse_client_token(std::string_view body);

struct GroupsPage {
  std::string next;   // the target of the next page, on the same origin; empty: that was the last one
  std::string error;  // empty: all was well
};
/// Adds the page's groups. A next page anywhere else than at `origin` is an error.
GroupsPage parse_groups_page(std::string_view body, const config::HttpUrl& origin, std::vector<std::string>& groups);

}  // namespace postern::identity
