// One word from whoever may take trust back (a logout, the admin, an introspection that says "inactive"): from now on
// this is not believed any more. A value; collected on the control thread, posted to cores as a batch.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::identity {

enum class RevokedKind : std::uint8_t {
  session,  // `sid`
  subject,  // `sub`
  token,    // `jti`, or the id of an API key or certificate: for good, whenever it was issued
  client,   // `azp`, `client_id`, `cid`
  all       // everything of the issuer; value is empty
};

std::string_view to_string(RevokedKind kind) noexcept;
std::optional<RevokedKind> parse_revoked_kind(std::string_view word) noexcept;

struct Revocation {
  std::string issuer;  // its name in the config: stays the same across reloads
  RevokedKind kind = RevokedKind::token;
  std::string value;
  std::int64_t not_before = 0;  // what was issued up to this second is refused; what does not say when, too
  std::int64_t until = 0;       // when the last token that it could concern has expired; then it is forgotten

  friend auto operator<=>(const Revocation&, const Revocation&) = default;
};

using RevocationBatch = std::shared_ptr<const std::vector<Revocation>>;

}  // namespace postern::identity
