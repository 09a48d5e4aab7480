// Arbitrary bytes as an issuer's answer about a token: nothing crashes, and whoever is let in is somebody, is meant for
// us, and is believed for no longer than allowed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "identity/introspection.h"
#include "identity/issuer_set.h"
#include "identity/token_verifier.h"

namespace {

using namespace postern;
using identity::IntrospectionAnswer;
using Kind = IntrospectionAnswer::Kind;

constexpr std::int64_t kNow = 1'700'000'000;

config::Issuer issuer(config::IssuerTemplate kind) {
  config::Issuer one;
  one.name = "corp";
  one.url = "https://a.example";
  one.kind = kind;
  one.audiences = {"api"};
  one.leeway = std::chrono::seconds(30);
  one.introspection_url = "https://a.example/introspect";
  one.introspection_ttl = std::chrono::seconds(60);
  return one;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  IntrospectionAnswer answer;
  answer.asked_at = kNow;
  answer.body.assign(reinterpret_cast<const char*>(data), size);
  answer.kind = identity::read_activity(answer.body);
  if (answer.kind == Kind::unreachable) std::abort();
  for (const auto kind : {config::IssuerTemplate::none, config::IssuerTemplate::keycloak}) {
    const auto issuers = identity::IssuerSet::make({issuer(kind)}, {}, 16384);
    const identity::TokenVerdict verdict = identity::read_introspection(*issuers, 0, answer, kNow);
    if (!verdict.is_good()) continue;
    const Principal& who = verdict.principal;
    if (answer.kind == Kind::failed && size <= identity::kMostIntrospectionBytes) continue;  // never read then
    if (who.subject.empty() || who.issuer != "https://a.example" || who.credential != CredentialKind::opaque)
      std::abort();
    if (verdict.good_until > kNow + 60 || (who.expires_at != 0 && verdict.good_until > who.expires_at)) std::abort();
    if (std::find(who.audiences.begin(), who.audiences.end(), "api") == who.audiences.end() &&
        kind == config::IssuerTemplate::none)
      std::abort();
  }
  return 0;
}
