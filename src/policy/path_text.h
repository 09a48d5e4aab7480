// Which parts of a path mean the same to everybody. Header only; facts of policies only; pure.
#pragma once

#include <string_view>

namespace postern::policy {

/// Whether a server may read something else than we do: what follows a ";" is a parameter to some, who then leave it
/// out ("/admin;x/a" is their "/admin/a"), and so is what follows an encoded one to those who decode first.
inline bool has_parameters(std::string_view path) noexcept {
  return path.find(';') != path.npos || path.find("%3B") != path.npos;
}

/// A slash within a segment is a slash to those who decode before they split.
inline bool has_encoded_slash(std::string_view path) noexcept { return path.find("%2F") != path.npos; }

}  // namespace postern::policy
