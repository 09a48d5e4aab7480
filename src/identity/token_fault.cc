#include "identity/token_fault.h"

#include <array>

namespace postern::identity {
namespace {

// In the order of TokenFault.
constexpr std::array<FaultText, 31> kFaults{{
    {"none", "good", FaultClass::none},
    {"too_large", "the token is too long", FaultClass::malformed},
    {"not_compact", "not three parts with two dots between them", FaultClass::malformed},
    {"encrypted", "encrypted tokens are not accepted", FaultClass::invalid},
    {"bad_encoding", "a part is not base64url", FaultClass::malformed},
    {"bad_header", "the header is not what a header has to be", FaultClass::malformed},
    {"bad_kid", "the key's name is not a text of at most 256 bytes", FaultClass::malformed},
    {"critical_header", "the header demands an extension that is not supported", FaultClass::invalid},
    {"unencoded_payload", "payloads that are not encoded are not accepted", FaultClass::invalid},
    {"no_algorithm", "the header names no algorithm", FaultClass::malformed},
    {"algorithm_refused", "the algorithm is not one that this issuer may use", FaultClass::invalid},
    {"bad_claims", "the claims are not what claims have to be", FaultClass::malformed},
    {"no_issuer", "no issuer is named", FaultClass::invalid},
    {"unknown_issuer", "the issuer is not known here", FaultClass::unknown_issuer},
    {"no_expiry", "no end is given", FaultClass::invalid},
    {"bad_time", "a time is not a number of seconds since 1970", FaultClass::invalid},
    {"expired", "expired", FaultClass::expired},
    {"not_yet_valid", "not valid yet", FaultClass::expired},
    {"issued_in_future", "issued in the future", FaultClass::invalid},
    {"lives_too_long", "good for longer than is allowed, or from nobody knows when", FaultClass::invalid},
    {"keys_unavailable", "the issuer's keys are not to be had", FaultClass::keys_unavailable},
    {"unknown_key", "the issuer has no such key", FaultClass::unknown_key},
    {"ambiguous_key", "more than one key could be meant", FaultClass::invalid},
    {"key_refused", "the key is not for this algorithm", FaultClass::invalid},
    {"bad_signature", "the signature is wrong", FaultClass::invalid},
    {"no_audience", "no audience is named", FaultClass::wrong_audience},
    {"wrong_audience", "meant for another audience", FaultClass::wrong_audience},
    {"wrong_type", "not an access token", FaultClass::wrong_type},
    {"wrong_party", "not issued to a client that is believed", FaultClass::invalid},
    {"no_subject", "nobody is named", FaultClass::invalid},
    {"bad_binding", "bound to something that is not supported", FaultClass::invalid},
}};
static_assert(kFaults.size() == static_cast<std::size_t>(TokenFault::bad_binding) + 1);

}  // namespace

const FaultText& describe(TokenFault fault) noexcept { return kFaults[static_cast<std::size_t>(fault)]; }

}  // namespace postern::identity
