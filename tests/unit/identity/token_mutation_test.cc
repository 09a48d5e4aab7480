// Mutations of good tokens: not one may pass that says anything else than a good one. POSTERN_MUTATIONS says how many
// are tried (20,000 by default); with ten million it takes minutes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "base/base64url.h"
#include "unit/identity/token_mutations.h"
#include "unit/identity/token_support.h"

namespace postern::identity {
namespace {

using crypto::KeyFamily;
using test::SigningKey;
using enum crypto::SignatureAlgorithm;

constexpr std::uint64_t kSeed = 20261121;

std::uint64_t tries() {
  const char* text = std::getenv("POSTERN_MUTATIONS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20'000;
}

struct Signed {
  KeyFamily family;
  crypto::SignatureAlgorithm algorithm;
  const char* kid;
};
constexpr Signed kSigned[] = {{KeyFamily::rsa, rs256, "rsa"},
                              {KeyFamily::rsa, ps256, "rsa"},
                              {KeyFamily::p256, es256, "p256"},
                              {KeyFamily::p384, es384, "p384"},
                              {KeyFamily::ed25519, eddsa, "ed"}};

std::vector<std::string> good_tokens() {
  std::vector<std::string> tokens;
  for (const Signed& one : kSigned) {
    for (const char* subject : {"alice", "bob"}) {
      const std::string header =
          R"({"alg":")" + std::string(to_string(one.algorithm)) + R"(","kid":")" + one.kid + R"(","typ":"at+jwt"})";
      const std::string payload =
          R"({"iss":"https://a.example","sub":")" + std::string(subject) +
          R"(","aud":["api"],"exp":1700000300,"iat":1700000000,"groups":["g"],"deep":{"a":[1]}})";
      tokens.push_back(test::make_token(SigningKey::of(one.family), one.algorithm, header, payload));
    }
  }
  return tokens;
}

TEST(TokenMutation, NothingElsePasses) {
  const auto keys = test::keys_of(
      test::jwks({SigningKey::rsa().jwk(R"(,"kid":"rsa")"), SigningKey::p256().jwk(R"(,"kid":"p256")"),
                  SigningKey::p384().jwk(R"(,"kid":"p384")"), SigningKey::ed25519().jwk(R"(,"kid":"ed")")}));
  config::Issuer issuer = test::plain_issuer();
  for (const std::string_view name : crypto::kSignatureAlgorithmNames) issuer.algorithms.emplace_back(name);
  const auto set = test::one_issuer(issuer, keys);
  const std::vector<std::string> tokens = good_tokens();
  std::set<std::string, std::less<>> inputs;  // what has been signed
  for (const std::string& token : tokens) {
    ASSERT_TRUE(verify_token(*set, token, test::kNow).is_good());
    inputs.insert(token.substr(0, token.rfind('.')));
  }
  const std::string pem = SigningKey::rsa().pem();
  test::TokenMutations mutations(tokens, {pem, SigningKey::rsa().jwk(), "", SigningKey::p256().pem()}, kSeed);
  std::uint64_t accepted = 0, checked = 0;
  for (std::uint64_t i = tries(); i != 0; --i) {
    const std::string token = mutations.next();
    const TokenVerdict verdict = verify_token(*set, token, test::kNow);
    checked += verdict.signature_checked ? 1 : 0;
    if (!verdict.is_good()) continue;
    ++accepted;
    ASSERT_TRUE(inputs.contains(token.substr(0, token.rfind('.')))) << token;
    ASSERT_TRUE(verdict.principal.subject == "alice" || verdict.principal.subject == "bob");
  }
  // Swapping like for like gives good tokens back; and enough must come as far as the signature to show anything.
  EXPECT_GT(accepted, 0u);
  EXPECT_GT(checked, tries() / 10);
  std::printf("%llu tried, %llu signatures checked, %llu good ones met again\n",
              static_cast<unsigned long long>(tries()), static_cast<unsigned long long>(checked),
              static_cast<unsigned long long>(accepted));
}

}  // namespace
}  // namespace postern::identity
