#include "identity/dpop_proof.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/base64url.h"
#include "crypto/openssl_ptr.h"
#include "crypto/sha256.h"
#include "crypto/verify_key.h"

namespace postern::identity {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::string_view kToken = "head.claims.signature";

std::string hash_of(std::string_view text) {
  crypto::Sha256 digest{};
  EXPECT_TRUE(crypto::sha256(text, digest));
  return encode_base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

/// A client with an Ed25519 key.
class Client {
 public:
  Client() : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")) {
    unsigned char raw[32];
    std::size_t size = sizeof raw;
    EVP_PKEY_get_raw_public_key(key_.get(), raw, &size);
    const std::string bytes(reinterpret_cast<char*>(raw), size);
    x = encode_base64url(bytes);
    thumbprint = crypto::VerifyKey::from_ed25519(bytes).value->thumbprint();
  }

  std::string sign(const std::string& header, const std::string& claims) const {
    const std::string text = encode_base64url(header) + "." + encode_base64url(claims);
    unsigned char signature[64];
    std::size_t size = sizeof signature;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key_.get());
    EVP_DigestSign(context, signature, &size, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    EVP_MD_CTX_free(context);
    return text + "." + encode_base64url({reinterpret_cast<char*>(signature), size});
  }
  std::string jwk() const { return fmt::format(R"({{"kty":"OKP","crv":"Ed25519","x":"{}"}})", x); }
  std::string header() const { return fmt::format(R"({{"typ":"dpop+jwt","alg":"EdDSA","jwk":{}}})", jwk()); }

  std::string x;
  std::string thumbprint;

 private:
  crypto::PkeyPtr key_;
};

struct Parts {
  std::string method = "POST";
  std::string url = "https://api.example.com/v1/models/m:predict";
  std::string iat = std::to_string(kNow);
  std::string token_hash = hash_of(kToken);
  std::string nonce{};
  std::string more{};
};

std::string claims(const Parts& parts) {
  const std::string nonce = parts.nonce.empty() ? "" : fmt::format(R"(,"nonce":"{}")", parts.nonce);
  return fmt::format(R"({{"jti":"j1","htm":"{}","htu":"{}","iat":{},"ath":"{}"{}{}}})", parts.method, parts.url,
                     parts.iat, parts.token_hash, nonce, parts.more);
}

DpopRequest request(std::string_view proof, std::string_view thumbprint) {
  return {.proof = proof,
          .access_token = kToken,
          .thumbprint = thumbprint,
          .method = "POST",
          .scheme = http::Scheme::https,
          .authority = "api.example.com",
          .path = "/v1/models/m:predict",
          .uri_policy = {},
          .now = kNow};
}

std::string_view fault_of(const Client& client, const Parts& parts, const DpopNonces* nonces = nullptr) {
  const std::string proof = client.sign(client.header(), claims(parts));
  return to_string(check_dpop(request(proof, client.thumbprint), nonces).fault);
}

std::string_view fault_with(const Client& client, const std::string& header) {
  const std::string proof = client.sign(header, claims({}));
  return to_string(check_dpop(request(proof, client.thumbprint), nullptr).fault);
}

TEST(DpopProof, AGoodOneIsGood) { EXPECT_EQ(fault_of(Client(), {}), "none"); }

// RFC 9449, section 7.1
TEST(DpopProof, TheExampleOfTheStandardIsGood) {
  const std::string proof =
      "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJo"
      "RjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19."
      "eyJq"
      "dGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNv"
      "dXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9."
      "2oW9RP35yRqz"
      "hrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
  DpopRequest asked{.proof = proof,
                    .access_token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU",
                    .thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
                    .method = "GET",
                    .scheme = http::Scheme::https,
                    .authority = "resource.example.org",
                    .path = "/protectedresource",
                    .uri_policy = {},
                    .now = 1562262618 + 20};
  EXPECT_EQ(to_string(check_dpop(asked, nullptr).fault), "none");
  asked.now += 41;
  EXPECT_EQ(to_string(check_dpop(asked, nullptr).fault), "stale");
}

TEST(DpopProof, IsForOneRequestOnly) {
  const Client client;
  EXPECT_EQ(fault_of(client, {.method = "GET"}), "wrong_method");
  EXPECT_EQ(fault_of(client, {.method = "post"}), "wrong_method");
  EXPECT_EQ(fault_of(client, {.token_hash = hash_of("another")}), "wrong_token");
  for (const char* url :
       {"http://api.example.com/v1/models/m:predict", "https://api.example.com/v1/models/n:predict",
        "https://api.example.com:8443/v1/models/m:predict", "https://evil.com/v1/models/m:predict",
        "https://api.example.com.evil.com/v1/models/m:predict", "https://u@api.example.com/v1/models/m:predict",
        "https://api.example.com", "https://api.example.com/v1/models/m:predict/", "/v1/models/m:predict", "x",
        "https://api.example.com/v1/models/m:predict%2f..", "https:///v1/models/m:predict"}) {
    EXPECT_EQ(fault_of(client, {.url = url}), "wrong_url") << url;
  }
}

TEST(DpopProof, UrlsAreComparedNormalised) {
  const Client client;
  for (const char* url :
       {"HTTPS://API.example.com:443/v1/models/m:predict", "https://api.example.com/v1/%6dodels/m:predict?a=b",
        "https://api.example.com/v1/x/../models/m:predict#f"}) {
    EXPECT_EQ(fault_of(client, {.url = url}), "none") << url;
  }
}

TEST(DpopProof, TimesAndClaimsMustBeThere) {
  const Client client;
  EXPECT_EQ(fault_of(client, {.iat = std::to_string(kNow - 60)}), "none");
  EXPECT_EQ(fault_of(client, {.iat = std::to_string(kNow - 61)}), "stale");
  EXPECT_EQ(fault_of(client, {.iat = std::to_string(kNow + 61)}), "stale");
  for (const char* iat : {"\"1\"", "null", "-1", "1e300", "[]"}) {
    EXPECT_EQ(fault_of(client, {.iat = iat}), "bad_claims") << iat;
  }
  EXPECT_EQ(fault_of(client, {.token_hash = ""}), "bad_claims");
  EXPECT_EQ(fault_of(client, {.more = R"(,"htm":"POST")"}), "bad_claims");  // twice
  EXPECT_EQ(fault_of(client, {.more = R"(,"nonce":5)"}), "bad_claims");
  for (const char* text : {"{}", "[]", "junk"}) {
    const std::string proof = client.sign(client.header(), text);
    EXPECT_EQ(check_dpop(request(proof, client.thumbprint), nullptr).fault, DpopFault::bad_claims) << text;
  }
}

TEST(DpopProof, OnlyTheKeyOfTheTokenWillDo) {
  const Client client;
  const Client thief;
  const std::string proof = thief.sign(thief.header(), claims({}));
  EXPECT_EQ(check_dpop(request(proof, client.thumbprint), nullptr).fault, DpopFault::key_mismatch);
  EXPECT_EQ(check_dpop(request(proof, ""), nullptr).fault, DpopFault::key_mismatch);
  const std::string forged = thief.sign(client.header(), claims({}));
  const DpopVerdict verdict = check_dpop(request(forged, client.thumbprint), nullptr);
  EXPECT_EQ(verdict.fault, DpopFault::bad_signature);
  EXPECT_TRUE(verdict.signature_checked);
}

TEST(DpopProof, HeadersAreStrict) {
  const Client client;
  const auto header = [&](const std::string& type, const std::string& algorithm, const std::string& key) {
    return fmt::format(R"({{"typ":"{}","alg":"{}","jwk":{}}})", type, algorithm, key);
  };
  EXPECT_EQ(fault_with(client, header("dpop+jwt", "EdDSA", client.jwk())), "none");
  EXPECT_EQ(fault_with(client, header("at+jwt", "EdDSA", client.jwk())), "malformed");
  EXPECT_EQ(fault_with(client, header("JWT", "EdDSA", client.jwk())), "malformed");
  EXPECT_EQ(fault_with(client, header("dpop+jwt", "none", client.jwk())), "algorithm");
  EXPECT_EQ(fault_with(client, header("dpop+jwt", "HS256", client.jwk())), "algorithm");
  EXPECT_EQ(fault_with(client, header("dpop+jwt", "ES256", client.jwk())), "bad_key");
  EXPECT_EQ(fault_with(client, R"({"typ":"dpop+jwt","alg":"EdDSA"})"), "bad_key");
  EXPECT_EQ(fault_with(client, header("dpop+jwt", "EdDSA", "\"x\"")), "bad_key");
  EXPECT_EQ(fault_with(client, header("dpop+jwt", "EdDSA", R"({"kty":"oct","k":"c2VjcmV0"})")), "bad_key");
  const std::string with_private = fmt::format(R"({{"kty":"OKP","crv":"Ed25519","x":"{}","d":"AAAA"}})", client.x);
  EXPECT_EQ(fault_with(client, header("dpop+jwt", "EdDSA", with_private)), "bad_key");
  EXPECT_EQ(fault_with(client, R"({"typ":"dpop+jwt","alg":"EdDSA","crit":["x"],"jwk":)" + client.jwk() + "}"),
            "malformed");
}

TEST(DpopProof, WhatIsNoProofAtAllIsToldApart) {
  const Client client;
  for (const auto& [proof, fault] :
       std::initializer_list<std::pair<std::string, DpopFault>>{{"", DpopFault::missing},
                                                                {"a", DpopFault::malformed},
                                                                {"a.b.c.d.e", DpopFault::malformed},
                                                                {std::string(9000, 'a'), DpopFault::malformed},
                                                                {std::string(100'000, '.'), DpopFault::malformed}}) {
    EXPECT_EQ(check_dpop(request(proof, client.thumbprint), nullptr).fault, fault);
  }
}

TEST(DpopProof, ANonceIsAskedForAndTheClockIsNot) {
  const Client client;
  const DpopNonces nonces(DpopNonces::make_key());
  EXPECT_EQ(fault_of(client, {}, &nonces), "needs_nonce");
  const std::string nonce = nonces.make(client.thumbprint, kNow);
  EXPECT_EQ(fault_of(client, {.nonce = nonce}, &nonces), "none");
  EXPECT_EQ(fault_of(client, {.iat = "5", .nonce = nonce}, &nonces), "none");
  EXPECT_EQ(fault_of(client, {.nonce = nonces.make(Client().thumbprint, kNow)}, &nonces), "needs_nonce");
  EXPECT_EQ(fault_of(client, {.nonce = nonces.make(client.thumbprint, kNow - 60)}, &nonces), "needs_nonce");
  EXPECT_EQ(fault_of(client, {.nonce = DpopNonces(DpopNonces::make_key()).make(client.thumbprint, kNow)}, &nonces),
            "needs_nonce");
}

TEST(DpopNonces, AgeAndEnd) {
  const DpopNonces nonces(DpopNonces::make_key());
  using State = DpopNonces::State;
  const std::int64_t start = kNow / DpopNonces::kSeconds * DpopNonces::kSeconds;
  const std::string nonce = nonces.make("t", start);
  EXPECT_EQ(nonce.size(), DpopNonces::kSize);
  EXPECT_EQ(nonces.check(nonce, "t", start + 29), State::good);
  EXPECT_EQ(nonces.check(nonce, "t", start + 30), State::ageing);
  EXPECT_EQ(nonces.check(nonce, "t", start + 59), State::ageing);
  EXPECT_EQ(nonces.check(nonce, "t", start + 60), State::bad);
  EXPECT_EQ(nonces.check(nonce, "t", start - 1), State::bad);
  EXPECT_EQ(nonces.check("", "t", start), State::bad);
}

TEST(DpopProof, ChallengesSayWhatToDo) {
  EXPECT_EQ(dpop_challenge(DpopFault::needs_nonce, "r").find(R"(DPoP realm="r", error="use_dpop_nonce")"), 0u);
  EXPECT_EQ(dpop_challenge(DpopFault::key_mismatch, "r").find(R"(DPoP realm="r", error="invalid_token")"), 0u);
  EXPECT_EQ(dpop_challenge(DpopFault::bad_signature, "r").find(R"(DPoP realm="r", error="invalid_dpop_proof")"), 0u);
}

}  // namespace
}  // namespace postern::identity
