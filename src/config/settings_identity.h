// Settings of identity: who is believed ([[issuer]], [[api_key_file]], [credentials]...), and what a route wants to
// know of its callers. Part of Settings; see settings.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace postern::config {

enum class IssuerTemplate : std::uint8_t {
  none,
  okta,
  entra,
  keycloak,
  cognito,
  google,
  dex,
  auth0,
  databricks,
  aws_sts,
  kubernetes
};

/// Which tokens an issuer with introspection_url is asked about: those that are no JWTs, or all of them.
enum class Introspected : std::uint8_t { opaque, all };

/// Who signs tokens, and what a token of his has to look like.
struct Issuer {
  std::string name;
  std::string url;  // the `iss` of its tokens, byte for byte
  IssuerTemplate kind = IssuerTemplate::none;
  std::vector<std::string> audiences;   // one of them has to be in `aud` (or where the template says)
  std::vector<std::string> algorithms;  // empty: RS256 PS256 ES256 ES384 EdDSA
  std::vector<std::string> types;       // of `typ`, without "application/"; empty: at+jwt and JWT
  // Where its keys are, at most one; none: OIDC discovery below `url`.
  std::string jwks_url;
  std::string jwks_file;                        // a JSON Web Key Set
  std::string pem_file;                         // public keys or certificates
  std::string secret_file;                      // HMAC secret of HS256, 32 bytes or more
  std::string ca;                               // PEM file; empty: the system's
  bool allow_private = false;                   // its hosts may have private addresses
  bool allow_http = false;                      // its hosts may be asked without TLS
  std::vector<std::string> tenants;             // entra, url with {tenantid}: the `tid`s that are believed
  std::vector<std::string> authorized_parties;  // `azp` or `client_id` has to be one of them; empty: any
  std::chrono::milliseconds leeway{};
  std::chrono::milliseconds max_lifetime{};    // exp - iat; 0: any
  std::chrono::milliseconds keys_max_stale{};  // how long keys are good that cannot be refreshed
  // Tokens that only it can read: it is asked about each (RFC 7662). Empty url: nobody is.
  std::string introspection_url;
  std::string introspection_client_id;
  std::string introspection_secret_file;
  Introspected introspection_tokens = Introspected::opaque;
  bool introspection_needs_audience = true;       // an answer without `aud` is not for us
  std::chrono::milliseconds introspection_ttl{};  // the longest that an answer is believed
  // entra: groups that a token has no room for. Empty id: nobody is asked, and they stay unknown.
  std::string graph_client_id;
  std::string graph_secret_file;
  std::string graph_url;
  std::string graph_token_url;  // {tenantid}: the caller's tenant
  // Where what we want to know stands; dotted paths into the claims. Empty: what the template says.
  std::string subject_claim;
  std::string email_claim;
  std::string groups_claim;
  std::string roles_claim;
  std::string scopes_claim;
};

/// What is the same for all credentials.
struct Credentials {
  std::string realm;                      // of WWW-Authenticate
  std::uint32_t cache_entries = 0;        // verified tokens that a core remembers
  std::uint64_t cache_size = 0;           // bytes that they may take, with what is known of their owners
  std::chrono::milliseconds cache_ttl{};  // the longest that it does
  std::uint64_t max_token = 0;            // bytes
  std::uint32_t failures_per_second = 0;  // bad signatures of a client address, per core
  std::string api_key_file;               // empty: there are no API keys
  std::string revocations_file;           // empty: what is revoked is forgotten with the process
  std::string token_header;               // a header that may carry a token besides Authorization; empty: none
  bool basic = false;                     // the password of Basic may be a token or an API key
  bool sagemaker_attributes = false;      // X-Amzn-SageMaker-Custom-Attributes may carry a token
};

enum class RouteAuth : std::uint8_t { none, optional, required };
enum class IdentityHeaders : std::uint8_t { none, plain, oauth2_proxy, pomerium, iap, alb };

/// [route.access]: who may use the route.
struct RouteAccess {
  RouteAuth auth = RouteAuth::required;
  std::vector<std::string> issuers;      // names; empty: all
  std::vector<std::string> audiences;    // beside those of the issuer: one of these; empty: no matter
  std::vector<std::string> credentials;  // "bearer", "api_key", "certificate"; empty: all
  std::vector<std::string> scopes;       // all of them; 403 insufficient_scope names them
  std::string policy;                    // a [[policy]]'s name, or "authenticated": whoever is known
  std::string shadow_policy;             // evaluated and counted, without effect
  std::vector<std::string> limits;       // names of [[limit]]s
  IdentityHeaders headers = IdentityHeaders::none;
  std::vector<std::pair<std::string, std::string>> claim_headers;  // header, claim
  bool assertion = false;                                          // X-Postern-Assertion, signed by us
  bool forward_credential = false;                                 // the upstream gets what the client has shown
};

/// [assertion]: what we say to upstreams under our own signature.
struct Assertion {
  std::string key_file;  // Ed25519, PEM; empty: one of this process
  std::string issuer;
  std::chrono::milliseconds lifetime{};
};

}  // namespace postern::config
