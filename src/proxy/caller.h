// What the gate knows of one request's caller. In the RequestContext, made only on routes with rules.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/buffer_pool.h"
#include "base/keyed_hash.h"
#include "identity/presented.h"
#include "limit/core_limits.h"
#include "policy/decision.h"
#include "postern/principal.h"

namespace postern::proxy {

struct Caller {
  identity::Presented presented;
  KeyedHash hash;            // of the credential
  bool unknown = false;      // it has to be verified
  Buffer scratch;            // of a credential that had to be decoded
  std::string_view refused;  // why the credential is not good, for the logs
  policy::Decision decision;
  std::shared_ptr<const std::string> assertion;  // for this upstream, signed; nullptr: none
  std::string dpop_challenge;                    // of an answer that asks for another proof
  std::string dpop_nonce;                        // for the client's next proof; empty: the one that it has is good
  limit::LimitGuard taken;
  bool limited = false;  // `taken` holds something
  std::array<char, 12> retry_after_space;
  std::array<char, 160> rate_limit_space;
  std::array<char, 160> reason_space;
};

/// For the logs: why the caller was not believed, or the rule that decided; empty: neither. Written into the caller's
/// own room.
std::string_view why(Caller& caller) noexcept;
/// The same, but nothing where all was well.
std::string_view why_not(Caller& caller) noexcept;

}  // namespace postern::proxy
