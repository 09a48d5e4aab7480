// What a route wants of its callers, compiled: part of the Snapshot, built with it, read by all cores. The gate
// (gate.h) applies it to requests.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/settings.h"
#include "identity/dpop_nonce.h"
#include "identity/presented.h"
#include "limit/limit_book.h"
#include "policy/policy_set.h"
#include "proxy/identity_headers.h"

namespace postern::proxy {

struct AuditRule {
  bool outcome = false;
  bool intent = false;
  bool required = false;  // without a recorded intent: 503

  [[nodiscard]] bool is_on() const noexcept { return outcome || intent; }
};

struct AccessRule {
  config::RouteAuth auth = config::RouteAuth::required;
  bool takes_bearer = true;  // tokens; and API keys and certificates
  bool takes_api_key = true;
  bool takes_certificate = true;
  bool forward_credential = false;
  bool assertion = false;
  std::vector<std::string> issuers;    // names; empty: all
  std::string introspects;             // the one of them that opaque tokens are shown to; empty: nobody
  bool introspects_all = false;        // its JWTs as well
  std::vector<std::string> audiences;  // one of them; empty: no matter
  std::vector<std::string> scopes;     // all of them
  std::string scope_challenge;         // of WWW-Authenticate when one is missing
  const policy::Policy* policy = nullptr;
  const policy::Policy* shadow = nullptr;
  limit::LimitSet limits;
  std::vector<IdentityHeader> headers;
};

/// Everything about identity that one generation of the config has. Not active: nobody is asked anything, and what
/// clients say of themselves passes.
struct AccessRules {
  bool is_active = false;
  std::vector<std::unique_ptr<const AccessRule>> by_route;  // by Route::index; nullptr: open. Empty: all of them
  identity::CarrierRules carriers;
  IdentityNames names;
  std::shared_ptr<const limit::LimitBook> limits;
  std::size_t max_token = 16 * 1024;
  std::vector<AuditRule> audit;  // by Route::index; empty: nothing is recorded
  std::shared_ptr<const identity::DpopNonces> nonces;
  std::string realm;
  // WWW-Authenticate
  std::string challenge;
  std::string challenge_invalid_request;
  std::string challenge_invalid_token;

  [[nodiscard]] const AccessRule* of(std::size_t route) const noexcept {
    return route < by_route.size() ? by_route[route].get() : nullptr;
  }
  [[nodiscard]] AuditRule audit_of(std::size_t route) const noexcept {
    return route < audit.size() ? audit[route] : AuditRule();
  }
};

}  // namespace postern::proxy
