// What tokens of the known identity providers look like: where things stand in them, and which of a provider's tokens
// are meant for an API. One row per provider in issuer_templates.cc. Constants; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "config/settings_identity.h"

namespace postern::identity {

/// How a provider's access tokens are told from its other tokens, beside `typ`.
enum class TokenProfile : std::uint8_t {
  plain,       // no claim that only ID tokens and logout tokens have
  id_token,    // ID tokens are what there is
  okta,        // `cid` is there
  entra,       // `azp` or `appid` is there
  keycloak,    // the claim `typ` is Bearer or DPoP, if it is there
  cognito,     // token_use is "access"
  kubernetes,  // plain; groups follow from the subject, as the API server has them
};

/// Where the audience stands, beside `aud`.
enum class AudiencePlace : std::uint8_t {
  aud,
  client_id_if_absent,  // Cognito: access tokens have no `aud`
  azp_if_configured,    // Keycloak: `azp`, where authorized_parties names it
};

struct IssuerTemplate {
  config::IssuerTemplate kind;
  TokenProfile profile;
  AudiencePlace audience;
  std::span<const std::string_view> subject;
  std::span<const std::string_view> email;
  std::span<const std::string_view> email_verified;
  std::span<const std::string_view> groups;
  std::span<const std::string_view> roles;
  std::span<const std::string_view> scopes;
  std::span<const std::string_view> client;
};

const IssuerTemplate& issuer_template(config::IssuerTemplate kind) noexcept;

}  // namespace postern::identity
