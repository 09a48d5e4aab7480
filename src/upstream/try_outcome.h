// What one try at an endpoint came to, as far as the endpoint is to blame: said once per try to Cluster::report(),
// which feeds the latency that balancers compare, passive ejection and the adaptive limit. A value.
#pragma once

#include <cstdint>

namespace postern::upstream {

enum class TryOutcome : std::uint8_t {
  ok,              // an answer that says nothing against the endpoint
  connect_failed,  // refused, unreachable, TLS
  reset,           // broken off, or not HTTP
  timeout,         // of the connection or of the answer
  error_status,    // an answer that counts as the endpoint's failure: see outcome_of()
  cancelled,       // the client left, a hedge was won by the other: nobody's fault, but no praise either
};

/// What an answer's status says about the endpoint: that it, or what is behind it, cannot serve now. Any other one is
/// the answer to this request.
constexpr TryOutcome outcome_of(unsigned status) noexcept {
  return status >= 502 && status <= 504 ? TryOutcome::error_status : TryOutcome::ok;
}

}  // namespace postern::upstream
