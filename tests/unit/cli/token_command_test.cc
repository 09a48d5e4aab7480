#include "cli/token_command.h"

#include <gtest/gtest.h>

#include <sstream>

#include "base/base64url.h"
#include "unit/identity/token_support.h"
#include "unit/net/tls_test_support.h"

namespace postern::cli {
namespace {

using test::make_token;
using test::SigningKey;

constexpr std::string_view kPayload = R"({"iss":"https://a.example","sub":"al\u0007ice","aud":"api","exp":1700000300})";

struct TokenCommand : testing::Test {
  int run(TokenVerifyRequest request, const std::string& input = {}) {
    if (request.jwks.empty() && request.pem.empty() && request.secret.empty()) {
      request.jwks = dir.write("keys.json", test::jwks({SigningKey::rsa().jwk(R"(,"kid":"k")")}));
    }
    request.now = test::kNow;
    std::istringstream in(input);
    out.str("");
    err.str("");
    return token_verify_command(request, in, out, err);
  }
  static TokenVerifyRequest of(std::vector<std::string> tokens) {
    TokenVerifyRequest request;
    request.tokens = std::move(tokens);
    return request;
  }

  test::TempDir dir;
  std::ostringstream out, err;
};

TEST_F(TokenCommand, TellsAVerdictPerToken) {
  EXPECT_EQ(run(of({make_token(kPayload)})), 0);
  EXPECT_EQ(out.str(), "good: subject \"al?ice\", issuer \"https://a.example\", until 1700000300\n");
  EXPECT_EQ(run(of({make_token(kPayload), "x"})), 1);
  EXPECT_NE(out.str().find("\nbad: not_compact: "), std::string::npos);
  EXPECT_EQ(err.str(), "");
}

TEST_F(TokenCommand, ReadsTokensFromTheInput) {
  EXPECT_EQ(run(of({"-"}), make_token(kPayload) + "\n" + make_token(kPayload) + "\r\n"), 0);
  EXPECT_EQ(run(of({"-"}), make_token(kPayload) + "\n\n"), 1);
  EXPECT_EQ(run(of({"-"}), ""), 1);
}

TEST_F(TokenCommand, IssuerAndAudienceCountWhenGiven) {
  TokenVerifyRequest request = of({make_token(kPayload)});
  request.issuer = "https://a.example";
  request.audience = "api";
  EXPECT_EQ(run(request), 0);
  request.issuer = "https://b.example";
  EXPECT_EQ(run(request), 1);
  EXPECT_EQ(out.str(), "bad: unknown_issuer: the issuer is not known here\n");
  request.issuer.clear();
  request.audience = "other";
  EXPECT_EQ(run(request), 1);
  EXPECT_EQ(out.str(), "bad: wrong_audience: meant for another audience\n");
}

TEST_F(TokenCommand, WhatIsNoSetOfClaimsHasASignatureOnly) {
  TokenVerifyRequest request = of({make_token("foo")});
  EXPECT_EQ(run(request), 0);
  EXPECT_EQ(out.str(), "good: the signature; what is signed is not a set of claims\n");
  request.audience = "api";
  EXPECT_EQ(run(request), 1);
  EXPECT_EQ(run(of({make_token("{")})), 1);
  EXPECT_EQ(run(of({make_token(R"({"sub":"a"})")})), 1);
  EXPECT_EQ(out.str(), "bad: no_expiry: no end is given\n");
}

TEST_F(TokenCommand, KeysComeFromOtherFilesToo) {
  TokenVerifyRequest request = of({make_token(kPayload)});
  request.pem = dir.write("key.pem", SigningKey::rsa().pem());
  EXPECT_EQ(run(request), 0);
  const std::string secret(40, 's');
  const std::string input = test::signing_input(R"({"alg":"HS256"})", kPayload);
  request = of({input + '.' + encode_base64url(test::hmac(secret, input))});
  request.secret = dir.write("secret", secret);
  EXPECT_EQ(run(request), 0);
}

TEST_F(TokenCommand, SaysWhatIsWrongWithTheKeys) {
  TokenVerifyRequest request = of({make_token(kPayload)});
  request.jwks = dir.path("none.json");
  EXPECT_EQ(run(request), 2);
  EXPECT_NE(err.str().find("No such file"), std::string::npos);
  request.jwks = dir.write("broken.json", "{");
  EXPECT_EQ(run(request), 1);
  EXPECT_NE(err.str().find("broken.json: not JSON"), std::string::npos);
  EXPECT_EQ(out.str(), "bad: keys_unavailable: the issuer's keys are not to be had\n");
  request.jwks = dir.write("bad.json", test::jwks({SigningKey::rsa().jwk(R"(,"use":"enc","kid":"k")")}));
  EXPECT_EQ(run(request), 1);
  EXPECT_NE(err.str().find("key 0 (k): not for signatures (use)"), std::string::npos);
}

}  // namespace
}  // namespace postern::cli
