#include "identity/token_verifier.h"

#include "base/base64url.h"
#include "identity/compact_token.h"
#include "identity/strict_json.h"
#include "identity/token_claims.h"

namespace postern::identity {
namespace {

constexpr std::size_t kMostSignature = 1024;  // bytes: of an RSA key of 8192 bits

TokenFault to_fault(KeySet::Lookup outcome) noexcept {
  switch (outcome) {
    case KeySet::Lookup::found:
      return TokenFault::none;
    case KeySet::Lookup::unknown:
      return TokenFault::unknown_key;
    case KeySet::Lookup::ambiguous:
      return TokenFault::ambiguous_key;
    case KeySet::Lookup::refused:
      break;
  }
  return TokenFault::key_refused;
}

/// Whose token it claims to be. Nothing else of the claims counts before the signature.
TokenFault find_issuer(const IssuerSet& issuers, const StrictJson::Object& claims, std::size_t& out) {
  std::string_view iss, tid;
  if (find_text(claims, "iss", iss) != Member::good || iss.empty()) return TokenFault::no_issuer;
  (void)find_text(claims, "tid", tid);
  const std::optional<std::size_t> found = issuers.find(iss, tid);
  if (!found) return TokenFault::unknown_issuer;
  out = *found;
  return TokenFault::none;
}

TokenFault check_signature(const TrustedIssuer& issuer, const CompactToken& token, const TokenHeader& header,
                           TokenVerdict& verdict) {
  const std::string_view kid = header.kid ? std::string_view(*header.kid) : std::string_view();
  const KeySet::Found found = issuer.keys->find(header.kid ? &kid : nullptr, header.algorithm);
  if (found.outcome == KeySet::Lookup::unknown) verdict.kid = kid;
  if (found.outcome != KeySet::Lookup::found) return to_fault(found.outcome);
  if (base64url_decoded_size(token.signature.size()) > kMostSignature) return TokenFault::bad_signature;
  const std::optional<std::string> signature = decode_base64url(token.signature);
  if (!signature) return TokenFault::bad_encoding;
  if (signature->empty()) return TokenFault::bad_signature;
  verdict.signature_checked = true;
  if (!found.key->key.verify(header.algorithm, token.signed_part, *signature)) return TokenFault::bad_signature;
  verdict.key_id = found.key->id;
  return TokenFault::none;
}

bool looks_like_claims(std::string_view encoded) {
  const std::optional<std::string> text = decode_base64url(encoded);
  if (!text) return true;  // broken: to be refused as such
  const std::size_t first = text->find_first_not_of(" \t\r\n");
  return first != std::string::npos && (*text)[first] == '{';
}

TokenFault check_claims(const StrictJson::Object& claims, const IssuerRules& rules, const TokenHeader& header,
                        Leniency leniency) {
  TokenFault fault = check_audience(claims, rules);
  if (leniency.any_audience && class_of(fault) == FaultClass::wrong_audience) fault = TokenFault::none;
  if (fault == TokenFault::none) fault = check_type(claims, header, rules);
  if (fault == TokenFault::none) fault = check_party(claims, rules);
  return fault;
}

/// What is checked once the issuer is known. Costs nothing first; nothing is believed before the signature.
TokenFault verify_claims(const TrustedIssuer& issuer, const CompactToken& token, const TokenHeader& header,
                         const StrictJson::Object& claims, std::int64_t now_s, Leniency leniency,
                         TokenVerdict& verdict) {
  const IssuerRules& rules = *issuer.rules;
  if (!rules.algorithms.has(header.algorithm)) return TokenFault::algorithm_refused;
  TokenTimes times;
  TokenFault fault = check_times(claims, rules, now_s, times);
  if (fault != TokenFault::none) return fault;
  if (!issuer.keys) return TokenFault::keys_unavailable;
  fault = check_signature(issuer, token, header, verdict);
  if (fault == TokenFault::none) fault = check_claims(claims, rules, header, leniency);
  if (fault == TokenFault::none) fault = make_principal(claims, rules, times, verdict.principal);
  verdict.good_from = times.good_from;
  verdict.good_until = times.good_until;
  return fault;
}

TokenFault verify(const IssuerSet& issuers, std::string_view compact, std::int64_t now_s, TokenVerdict& verdict) {
  const CompactToken token = split_token(compact, issuers.max_token());
  if (token.fault != TokenFault::none) return token.fault;
  const TokenHeader header = read_header(token.header);
  if (header.fault != TokenFault::none) return header.fault;
  StrictJson json;
  TokenFault fault = read_claims(token.payload, json);
  if (fault == TokenFault::none) fault = find_issuer(issuers, json.root(), verdict.issuer);
  if (fault != TokenFault::none) return fault;
  return verify_claims(issuers.issuers()[verdict.issuer], token, header, json.root(), now_s, {}, verdict);
}

TokenFault inspect(const TrustedIssuer& issuer, std::uint64_t max_token, Leniency leniency, std::string_view compact,
                   std::int64_t now_s, TokenVerdict& verdict) {
  const CompactToken token = split_token(compact, max_token);
  if (token.fault != TokenFault::none) return token.fault;
  const TokenHeader header = read_header(token.header);
  if (header.fault != TokenFault::none) return header.fault;
  verdict.issuer = 0;
  if (leniency.any_payload && !looks_like_claims(token.payload)) {
    if (!issuer.rules->algorithms.has(header.algorithm)) return TokenFault::algorithm_refused;
    return issuer.keys ? check_signature(issuer, token, header, verdict) : TokenFault::keys_unavailable;
  }
  StrictJson json;
  const TokenFault fault = read_claims(token.payload, json);
  if (fault != TokenFault::none) return fault;
  std::string_view iss;
  const bool has_issuer = find_text(json.root(), "iss", iss) == Member::good && !iss.empty();
  if (!leniency.any_issuer && !has_issuer) return TokenFault::no_issuer;
  if (!leniency.any_issuer && iss != issuer.rules->settings.url) return TokenFault::unknown_issuer;
  return verify_claims(issuer, token, header, json.root(), now_s, leniency, verdict);
}

TokenVerdict finished(TokenVerdict verdict, TokenFault fault) {
  verdict.fault = fault;
  if (!verdict.is_good()) verdict.principal = {};
  return verdict;
}

}  // namespace

TokenVerdict verify_token(const IssuerSet& issuers, std::string_view compact, std::int64_t now_s) {
  TokenVerdict verdict;
  const TokenFault fault = verify(issuers, compact, now_s, verdict);
  return finished(std::move(verdict), fault);
}

TokenVerdict inspect_token(const TrustedIssuer& issuer, std::uint64_t max_token, Leniency leniency,
                           std::string_view compact, std::int64_t now_s) {
  TokenVerdict verdict;
  const TokenFault fault = inspect(issuer, max_token, leniency, compact, now_s, verdict);
  return finished(std::move(verdict), fault);
}

}  // namespace postern::identity
