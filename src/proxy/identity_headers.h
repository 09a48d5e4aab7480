// Headers that say who is calling: those that clients send are taken out, in every spelling and of every preset, and
// the route's own are put in. Whoever writes "X_Forwarded.User" wants some application to read "X-Forwarded-User":
// names are compared after all that is no letter or digit has been left out. No allocation; one core only.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings_identity.h"
#include "http/fields.h"

namespace postern::proxy {

struct RequestContext;

/// Names that the config has added to those of the presets.
class IdentityNames {
 public:
  IdentityNames() = default;
  explicit IdentityNames(std::span<const std::string> more);

  /// Whether a header (or trailer) of that name would speak of identity.
  [[nodiscard]] bool contains(std::string_view name) const noexcept;
  void strip(http::Fields& fields) const noexcept;

 private:
  std::vector<std::string> more_;  // lower case, letters and digits only
};

/// One header that an upstream gets, and where its value comes from.
struct IdentityHeader {
  enum class Source : std::uint8_t { subject, email, name, preferred_username, groups, roles, claim, assertion };
  std::string name;
  Source source = Source::subject;
  std::string claim;          // its path
  std::string_view before{};  // static: stands in front of the value
};

/// Those of a route: of its preset, of claim_headers, and the assertion's.
std::vector<IdentityHeader> identity_headers(const config::RouteAccess& access);

/// False: no room for another field.
bool add_identity_headers(RequestContext& rc, std::span<const IdentityHeader> headers,
                          std::string_view assertion) noexcept;

}  // namespace postern::proxy
