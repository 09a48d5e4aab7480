// Arbitrary bytes as a token, as its header and as its claims under the rules of every kind of issuer: nothing crashes,
// nothing passes without a signature, and what comes out keeps to its limits.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/base64url.h"
#include "identity/compact_token.h"
#include "identity/token_claims.h"
#include "identity/token_verifier.h"

namespace {

using namespace postern;
using namespace postern::identity;

constexpr std::int64_t kNow = 1'700'000'000;
// RFC 8037's.
constexpr std::string_view kKeys =
    R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";

std::shared_ptr<const IssuerSet> make_set() {
  std::vector<config::Issuer> issuers;
  for (unsigned kind = 0; kind <= static_cast<unsigned>(config::IssuerTemplate::kubernetes); ++kind) {
    config::Issuer issuer;
    issuer.kind = static_cast<config::IssuerTemplate>(kind);
    issuer.name = "i" + std::to_string(kind);
    issuer.url = kind == 0 ? "https://a.example" : "https://" + issuer.name + ".example/{tenantid}";
    issuer.audiences = {"api"};
    issuer.tenants = {"t"};
    issuer.leeway = std::chrono::seconds(30);
    issuers.push_back(std::move(issuer));
  }
  auto set = IssuerSet::make(issuers, {{"role", "", {"g"}, {"r"}}}, 16 * 1024);
  return set->with_keys(0, KeySet::from_jwks(kKeys).keys);
}

template <class T>
bool is_set(const std::vector<T>& values) {
  return std::is_sorted(values.begin(), values.end()) &&
         std::adjacent_find(values.begin(), values.end()) == values.end();
}

void check_principal(const Principal& who) {
  if (who.subject.empty()) std::abort();
  if (!is_set(who.groups) || !is_set(who.roles) || !is_set(who.scopes)) std::abort();
  for (const auto* list : {&who.groups, &who.roles, &who.scopes}) {
    if (!list->empty() && list->front().empty()) std::abort();
  }
  if (who.email_verified && std::count(who.email.begin(), who.email.end(), '@') != 1) std::abort();
}

void look_at_claims(const IssuerSet& set, std::string_view text) {
  const std::string encoded = encode_base64url(text);
  StrictJson json;
  if (read_claims(encoded, json) != TokenFault::none) return;
  const TokenHeader header = read_header(encoded);
  for (const TrustedIssuer& issuer : set.issuers()) {
    TokenTimes times;
    const TokenFault fault = check_times(json.root(), *issuer.rules, kNow, times);
    if (fault == TokenFault::none && (times.good_until <= kNow || times.good_from > kNow)) std::abort();
    (void)check_audience(json.root(), *issuer.rules);
    (void)check_type(json.root(), header, *issuer.rules);
    (void)check_party(json.root(), *issuer.rules);
    Principal who;
    if (make_principal(json.root(), *issuer.rules, times, who) == TokenFault::none) check_principal(who);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto set = make_set();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (verify_token(*set, text, kNow).is_good()) std::abort();  // nobody has that key
  (void)read_header(text);
  look_at_claims(*set, text);
  const std::optional<std::string> decoded = decode_base64url(text);
  if (decoded && encode_base64url(*decoded) != text) std::abort();
  return 0;
}
