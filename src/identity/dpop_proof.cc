#include "identity/dpop_proof.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/base64url.h"
#include "crypto/sha256.h"
#include "http/host.h"
#include "identity/compact_token.h"
#include "identity/jwk.h"

namespace postern::identity {
namespace {

constexpr JsonLimits kLimits{.depth = 4, .values = 64};
constexpr std::size_t kMostUrl = 4096;
constexpr std::size_t kMostJti = 256;
constexpr std::string_view kAlgorithms = "ES256 ES384 ES512 EdDSA PS256 PS384 PS512 RS256 RS384 RS512";
// Members of private keys: a client that sends one has lost it (RFC 9449, 4.3 item 7).
constexpr std::array<std::string_view, 8> kPrivate{"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

bool parse_part(std::string_view encoded, StrictJson& json) {
  return decode_base64url(encoded, json.reserve(base64url_decoded_size(encoded.size()))) &&
         json.parse_object(kLimits).empty();
}

/// The key in the header, or nothing where it will not do.
std::optional<crypto::VerifyKey> read_key(std::string_view header) {
  StrictJson json;
  StrictJson::Object members;
  if (!parse_part(header, json) || json.root().at_key("jwk").get(members) != simdjson::SUCCESS) return std::nullopt;
  for (const std::string_view name : kPrivate) {
    StrictJson::Element element;
    if (members.at_key(name).get(element) == simdjson::SUCCESS) return std::nullopt;
  }
  return parse_jwk(members).key;
}

bool is_same_path(std::string_view path, const DpopRequest& request) {
  std::array<char, kMostUrl> scratch;
  if (path.empty()) path = "/";
  if (path.front() != '/') return false;
  const http::UriResult normal = http::normalise_path(path, request.uri_policy, scratch);
  return normal.ok() && normal.path == request.path;
}

/// `url` against the request's: scheme and host in any case, default ports as none, the query and the fragment left
/// out.
bool is_same_url(std::string_view url, const DpopRequest& request) {
  if (url.size() > kMostUrl) return false;
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) return false;
  const std::string_view expected = request.scheme == http::Scheme::https ? "https" : "http";
  const std::string_view scheme = url.substr(0, colon);
  const auto same_letter = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  if (!std::ranges::equal(scheme, expected, same_letter)) return false;
  url.remove_prefix(colon + 3);
  url = url.substr(0, url.find_first_of("?#"));
  const std::string_view authority = url.substr(0, url.find('/'));
  http::Authority named;
  http::Authority asked;
  return http::parse_authority(authority, named) && http::parse_authority(request.authority, asked) &&
         http::same_authority(named, asked, request.scheme) && is_same_path(url.substr(authority.size()), request);
}

bool is_hash_of(std::string_view ath, std::string_view token) {
  crypto::Sha256 digest{};
  return crypto::sha256(token, digest) &&
         ath == encode_base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

struct Claims {
  std::string_view jti;
  std::string_view method;
  std::string_view url;
  std::string_view token_hash;
  std::string_view nonce;  // empty: none
  std::int64_t issued_at = 0;
};

bool read_claims(const StrictJson::Object& root, Claims& out) {
  const auto text = [&root](std::string_view name, std::string_view& into) {
    return find_text(root, name, into) == Member::good && !into.empty();
  };
  return text("jti", out.jti) && out.jti.size() <= kMostJti && text("htm", out.method) && text("htu", out.url) &&
         text("ath", out.token_hash) && find_time(root, "iat", out.issued_at) == Member::good &&
         find_text(root, "nonce", out.nonce) != Member::wrong;
}

DpopFault judge_claims(const Claims& claims, const DpopRequest& request, const DpopNonces* nonces, bool& renew) {
  if (claims.method != request.method) return DpopFault::wrong_method;
  if (!is_same_url(claims.url, request)) return DpopFault::wrong_url;
  if (!is_hash_of(claims.token_hash, request.access_token)) return DpopFault::wrong_token;
  if (nonces == nullptr) {
    const bool fresh = claims.issued_at >= request.now - kDpopWindow && claims.issued_at <= request.now + kDpopWindow;
    return fresh ? DpopFault::none : DpopFault::stale;
  }
  // With a nonce the client's clock does not matter (RFC 9449, 4.3 item 11).
  const DpopNonces::State state = nonces->check(claims.nonce, request.thumbprint, request.now);
  renew = state == DpopNonces::State::ageing;
  return state == DpopNonces::State::bad ? DpopFault::needs_nonce : DpopFault::none;
}

}  // namespace

DpopVerdict check_dpop(const DpopRequest& request, const DpopNonces* nonces) {
  DpopVerdict verdict;
  const auto refused = [&verdict](DpopFault fault) {
    verdict.fault = fault;
    return verdict;
  };
  if (request.proof.empty()) return refused(DpopFault::missing);
  const CompactToken token = split_token(request.proof, kMostDpopProof);
  if (token.fault != TokenFault::none) return refused(DpopFault::malformed);
  const TokenHeader header = read_header(token.header);
  if (header.fault == TokenFault::algorithm_refused || header.fault == TokenFault::no_algorithm)
    return refused(DpopFault::algorithm);
  if (header.fault != TokenFault::none || header.type != "dpop+jwt") return refused(DpopFault::malformed);
  if (header.algorithm == crypto::SignatureAlgorithm::hs256) return refused(DpopFault::algorithm);
  const std::optional<crypto::VerifyKey> key = read_key(token.header);
  if (!key || !key->fits(header.algorithm)) return refused(DpopFault::bad_key);
  if (request.thumbprint.empty() || key->thumbprint() != request.thumbprint) return refused(DpopFault::key_mismatch);
  StrictJson payload;
  Claims claims;
  if (!parse_part(token.payload, payload) || !read_claims(payload.root(), claims))
    return refused(DpopFault::bad_claims);
  const DpopFault wrong = judge_claims(claims, request, nonces, verdict.renew_nonce);
  if (wrong != DpopFault::none) return refused(wrong);
  const std::optional<std::string> signature = decode_base64url(token.signature);
  if (!signature) return refused(DpopFault::malformed);
  verdict.signature_checked = true;
  if (!key->verify(header.algorithm, token.signed_part, *signature)) return refused(DpopFault::bad_signature);
  return verdict;
}

std::string_view to_string(DpopFault fault) noexcept {
  constexpr std::string_view kNames[] = {"none",         "missing",     "malformed",    "algorithm", "bad_key",
                                         "key_mismatch", "bad_claims",  "wrong_method", "wrong_url", "wrong_token",
                                         "stale",        "needs_nonce", "bad_signature"};
  return kNames[static_cast<std::size_t>(fault)];
}

std::string dpop_challenge(DpopFault fault, std::string_view realm) {
  std::string_view error = "invalid_dpop_proof";
  std::string_view text = "the DPoP proof is not good for this request";
  if (fault == DpopFault::needs_nonce) {
    error = "use_dpop_nonce";
    text = "the DPoP proof needs the nonce of this answer";
  } else if (fault == DpopFault::key_mismatch) {
    error = "invalid_token";
    text = "the token is bound to another key";
  }
  return fmt::format(R"(DPoP realm="{}", error="{}", error_description="{}", algs="{}")", realm, error, text,
                     kAlgorithms);
}

}  // namespace postern::identity
