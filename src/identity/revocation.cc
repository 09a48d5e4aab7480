#include "identity/revocation.h"

#include <array>

namespace postern::identity {
namespace {

constexpr std::array<std::string_view, 5> kWords{"session", "subject", "token", "client", "all"};  // as the enum

}  // namespace

std::string_view to_string(RevokedKind kind) noexcept { return kWords[static_cast<std::size_t>(kind)]; }

std::optional<RevokedKind> parse_revoked_kind(std::string_view word) noexcept {
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (kWords[i] == word) return static_cast<RevokedKind>(i);
  }
  return std::nullopt;
}

}  // namespace postern::identity
