// What an issuer says about itself (OpenID Connect Discovery): where that stands, and what of it counts. Pure.
#pragma once

#include <string>
#include <string_view>

namespace postern::identity {

/// Where the document of `issuer` is. {tenantid} becomes "organizations", where Entra keeps what all tenants share.
std::string discovery_url(std::string_view issuer);

struct DiscoveryDocument {
  std::string jwks_uri;
  std::string error;  // empty: it is good
};

/// `issuer` must be what the document says, byte for byte: or somebody else's keys would count as its.
DiscoveryDocument parse_discovery(std::string_view json, std::string_view issuer);

}  // namespace postern::identity
