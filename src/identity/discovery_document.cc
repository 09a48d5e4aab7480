#include "identity/discovery_document.h"

#include "identity/key_set.h"
#include "identity/strict_json.h"

namespace postern::identity {
namespace {

constexpr std::string_view kTenantPlace = "{tenantid}";
constexpr JsonLimits kLimits{.depth = 16, .values = 8192};

}  // namespace

std::string discovery_url(std::string_view issuer) {
  std::string url(issuer);
  const std::size_t at = url.find(kTenantPlace);
  if (at != std::string::npos) url.replace(at, kTenantPlace.size(), "organizations");
  if (!url.empty() && url.back() == '/') url.pop_back();
  return url + "/.well-known/openid-configuration";
}

DiscoveryDocument parse_discovery(std::string_view json, std::string_view issuer) {
  const auto failed = [](std::string_view why) { return DiscoveryDocument{.jwks_uri = {}, .error = std::string(why)}; };
  if (json.size() > kMostJwksBytes) return failed("larger than 512 KiB");
  StrictJson document;
  const std::string_view wrong = document.parse_object(json, kLimits);
  if (!wrong.empty()) return failed(wrong);
  std::string_view text;
  if (find_text(document.root(), "issuer", text) != Member::good) return failed("names no issuer");
  if (text != issuer) return failed("names another issuer than the config");
  if (find_text(document.root(), "jwks_uri", text) != Member::good || text.empty()) return failed("names no jwks_uri");
  return {.jwks_uri = std::string(text), .error = {}};
}

}  // namespace postern::identity
