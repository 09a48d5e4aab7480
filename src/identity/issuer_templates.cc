// The table of providers. A new one is a row here.
#include "identity/issuer_templates.h"

#include <array>

namespace postern::identity {
namespace {

using Paths = std::span<const std::string_view>;
using Names = std::string_view[];
using enum TokenProfile;
using enum AudiencePlace;
using Kind = config::IssuerTemplate;

constexpr std::string_view kSub[] = {"sub"};
constexpr std::string_view kOid[] = {"oid", "sub"};
constexpr std::string_view kEmail[] = {"email"};
constexpr std::string_view kVerified[] = {"email_verified"};
constexpr std::string_view kDomainVerified[] = {"xms_edov"};
constexpr std::string_view kGroups[] = {"groups"};
constexpr std::string_view kCognitoGroups[] = {"cognito:groups"};
constexpr std::string_view kRoles[] = {"roles"};
constexpr std::string_view kCognitoRoles[] = {"cognito:roles", "roles"};
constexpr std::string_view kRealmRoles[] = {"realm_access.roles"};
constexpr std::string_view kScope[] = {"scope", "scp"};
constexpr std::string_view kScp[] = {"scp"};
constexpr std::string_view kPermissions[] = {"scope", "permissions"};
constexpr std::string_view kAnyClient[] = {"azp", "client_id", "cid", "appid"};
constexpr std::string_view kCid[] = {"cid"};
constexpr std::string_view kAzp[] = {"azp", "appid"};
constexpr std::string_view kClientId[] = {"client_id"};
constexpr Paths kNone{};

constexpr std::array<IssuerTemplate, 11> kTemplates{{
    {Kind::none, plain, aud, kSub, kEmail, kVerified, kGroups, kRoles, kScope, kAnyClient},
    // Tokens of a custom authorization server only: the organisation's own are not for third parties.
    {Kind::okta, okta, aud, kSub, kEmail, kVerified, kGroups, kRoles, kScp, kCid},
    // `oid` is the same for every application of a tenant, `sub` is not; e-mail addresses are what a tenant types in.
    {Kind::entra, entra, aud, kOid, kEmail, kDomainVerified, kGroups, kRoles, kScp, kAzp},
    {Kind::keycloak, keycloak, azp_if_configured, kSub, kEmail, kVerified, kGroups, kRealmRoles, kScope, kAnyClient},
    {Kind::cognito, cognito, client_id_if_absent, kSub, kEmail, kVerified, kCognitoGroups, kCognitoRoles, kScope,
     kClientId},
    // Access tokens are opaque, and no token tells groups.
    {Kind::google, id_token, aud, kSub, kEmail, kVerified, kNone, kNone, kScope, kAnyClient},
    // Access tokens are ID tokens under another name.
    {Kind::dex, id_token, aud, kSub, kEmail, kVerified, kGroups, kRoles, kScope, kAnyClient},
    {Kind::auth0, plain, aud, kSub, kEmail, kVerified, kGroups, kRoles, kPermissions, kAnyClient},
    {Kind::databricks, plain, aud, kSub, kEmail, kVerified, kGroups, kRoles, kScope, kAnyClient},
    {Kind::aws_sts, plain, aud, kSub, kNone, kNone, kNone, kNone, kNone, kNone},
    {Kind::kubernetes, kubernetes, aud, kSub, kNone, kNone, kNone, kNone, kNone, kNone},
}};

}  // namespace

const IssuerTemplate& issuer_template(config::IssuerTemplate kind) noexcept {
  return kTemplates[static_cast<std::size_t>(kind)];
}

}  // namespace postern::identity
