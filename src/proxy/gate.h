// Who is asking, may they, how much: the steps between the route and everything that costs. Each returns a Reply of the
// request's own, or nullptr: go on. One per core, owned by its Pipeline; one core only.
#pragma once

#include <cstdint>

#include "base/task.h"
#include "identity/assertion.h"
#include "identity/core_identity.h"
#include "limit/core_limits.h"
#include "metrics/core_metrics.h"
#include "net/loop.h"
#include "proxy/access_rule.h"
#include "proxy/key_waiters.h"
#include "proxy/request_context.h"

namespace postern::proxy {

class Gate {
 public:
  Gate(net::Loop& loop, metrics::CoreMetrics& metrics, std::uint32_t core);

  FramePool& frames() noexcept { return loop_.frames(); }
  identity::CoreIdentity& identity() noexcept { return identity_; }
  KeyWaiters& waiters() noexcept { return waiters_; }
  KeyWaiters& group_waiters() noexcept { return group_waiters_; }
  KeyWaiters& token_waiters() noexcept { return token_waiters_; }
  limit::CoreLimits& limits() noexcept { return limits_; }
  identity::AssertionSigner& signer() noexcept { return signer_; }

  /// Finds the credential, and whose it is if that is known already. `rc.caller->unknown` stays true where it is not:
  /// authenticate() next.
  const Reply* recall(RequestContext& rc, const AccessRule& rule);
  /// Verifies what recall() did not know; may wait for keys of its issuer.
  Task<const Reply*> authenticate(RequestContext& rc, const AccessRule& rule);
  /// Whether the caller may, by what the route wants: nothing of this is remembered from one request to the next.
  const Reply* authorize(RequestContext& rc, const AccessRule& rule);

 private:
  Task<identity::Identified> look_up_groups(RequestContext& rc, identity::Identified found);
  Task<const Reply*> introspect(RequestContext& rc, const AccessRule& rule);
  const Reply* accept(RequestContext& rc, const AccessRule& rule, PrincipalPin who);
  const Reply* check_proof(RequestContext& rc);
  const Reply* accept_certificate(RequestContext& rc, const AccessRule& rule);
  const Reply* refuse(RequestContext& rc, const identity::Identified& why) noexcept;
  const Reply* ask_for_credential(RequestContext& rc) noexcept;
  const Reply* challenge(RequestContext& rc, std::uint16_t status, metrics::Reason reason, const char* detail,
                         std::string_view text) noexcept;
  bool is_for_us(const RequestContext& rc, const AccessRule& rule) const noexcept;
  void look_at_shadow(const RequestContext& rc, const AccessRule& rule, const PolicyInput& input,
                      bool allowed) noexcept;
  const Reply* take_limits(RequestContext& rc, const AccessRule& rule) noexcept;
  metrics::AccessRow& row(const RequestContext& rc) noexcept;
  [[nodiscard]] identity::CoreIdentity::Moment now() const noexcept;

  net::Loop& loop_;
  metrics::CoreMetrics& metrics_;
  const std::uint32_t core_;
  identity::CoreIdentity identity_;
  KeyWaiters waiters_;
  KeyWaiters token_waiters_;
  KeyWaiters group_waiters_;
  limit::CoreLimits limits_;
  identity::AssertionSigner signer_;
};

/// What the upstream is told of the caller, and what it is not: credential and claims of the client's own are taken
/// out, the route's headers are put in. Once per request, before the route's edits. False: no room for another field.
bool prepare_identity(RequestContext& rc) noexcept;

}  // namespace postern::proxy
