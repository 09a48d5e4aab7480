// What a key set takes from a JSON Web Key Set and from PEM, and which key a token may mean.
#include "identity/key_set.h"

#include <gtest/gtest.h>

#include "unit/identity/token_support.h"

namespace postern::identity {
namespace {

using crypto::KeyFamily;
using test::jwks;
using test::SigningKey;
using enum crypto::SignatureAlgorithm;
using Lookup = KeySet::Lookup;

Lookup look(const KeySet& keys, std::string_view kid, crypto::SignatureAlgorithm algorithm = rs256) {
  return keys.find(&kid, algorithm).outcome;
}

TEST(KeySet, KeyDecidesTheAlgorithm) {  // T61, T62
  const auto keys = test::keys_of(jwks({SigningKey::rsa().jwk(R"(,"kid":"r")"), SigningKey::p256().jwk(R"(,"kid":"e")"),
                                        SigningKey::other_rsa().jwk(R"(,"kid":"p","alg":"PS256")")}));
  EXPECT_EQ(look(*keys, "r"), Lookup::found);
  EXPECT_EQ(look(*keys, "r", ps512), Lookup::found);
  EXPECT_EQ(look(*keys, "r", es256), Lookup::refused);
  EXPECT_EQ(look(*keys, "r", hs256), Lookup::refused);
  EXPECT_EQ(look(*keys, "e", es256), Lookup::found);
  EXPECT_EQ(look(*keys, "e", es384), Lookup::refused);
  EXPECT_EQ(look(*keys, "p", ps256), Lookup::found);
  EXPECT_EQ(look(*keys, "p", rs256), Lookup::refused);
  EXPECT_EQ(look(*keys, "x"), Lookup::unknown);
}

TEST(KeySet, WithoutNameExactlyOneKeyMustFit) {
  const auto keys = test::keys_of(jwks({SigningKey::rsa().jwk(R"(,"kid":"a")"), SigningKey::p256().jwk(R"(,"kid":"b")"),
                                        SigningKey::other_rsa().jwk(R"(,"kid":"c")")}));
  EXPECT_EQ(keys->find(nullptr, es256).outcome, Lookup::found);
  EXPECT_EQ(keys->find(nullptr, rs256).outcome, Lookup::ambiguous);
  EXPECT_EQ(keys->find(nullptr, eddsa).outcome, Lookup::refused);
  EXPECT_EQ(test::keys_of(jwks({}))->find(nullptr, rs256).outcome, Lookup::unknown);
}

TEST(KeySet, OneBadKeyDoesNotSpoilIt) {  // T67
  const std::string good = SigningKey::rsa().jwk(R"(,"kid":"k")");
  for (const std::string& bad :
       {std::string("1"),
        std::string("{}"),
        std::string(R"({"kty":"RSA"})"),
        std::string(R"({"kty":"RSA","n":"AQAB"})"),
        std::string(R"({"kty":"RSA","n":"AQ==","e":"AQAB"})"),
        std::string(R"({"kty":1})"),
        std::string(R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})"),
        std::string(R"({"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"})"),
        std::string(R"({"kty":"OKP","crv":"X25519","x":"AA"})"),
        std::string(R"({"kty":"unheard-of"})"),
        std::string(R"({"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","alg":"HS256"})"),
        SigningKey(KeyFamily::rsa, 1024).jwk(),
        SigningKey::p256().jwk(R"(,"use":"enc")"),
        SigningKey::p256().jwk(R"(,"use":1)"),
        SigningKey::p256().jwk(R"(,"key_ops":["sign"])"),
        SigningKey::p256().jwk(R"(,"key_ops":"verify")"),
        SigningKey::p256().jwk(R"(,"alg":"ES384")"),
        SigningKey::p256().jwk(R"(,"alg":"HS256")"),
        SigningKey::p256().jwk(R"(,"alg":"RSA1_5")"),
        SigningKey::p256().jwk(R"(,"alg":null)"),
        SigningKey::p256().jwk(R"(,"kid":1)"),
        SigningKey::p256().jwk(R"(,"kid":")" + std::string(257, 'k') + '"')}) {
    const KeySet::Made made = KeySet::from_jwks(jwks({bad, good}));
    ASSERT_TRUE(made.keys) << bad << made.error;
    EXPECT_EQ(made.keys->keys().size(), 1u) << bad;
    EXPECT_EQ(made.skipped.size(), 1u) << bad;
    EXPECT_EQ(look(*made.keys, "k"), Lookup::found) << bad;
  }
}

TEST(KeySet, MembersThatDoNotMatterAreIgnored) {
  const auto keys = test::keys_of(jwks({SigningKey::p256().jwk(
      R"(,"kid":"k","use":"sig","key_ops":["verify"],"alg":"ES256","x5u":"http://169.254.169.254/","x5c":["AA"],"d":"AA")")}));
  EXPECT_EQ(look(*keys, "k", es256), Lookup::found);
}

TEST(KeySet, DoubledNamesAreRefused) {
  const auto made =
      KeySet::from_jwks(jwks({SigningKey::rsa().jwk(R"(,"kid":"a")"), SigningKey::p256().jwk(R"(,"kid":"a")"),
                              SigningKey::other_rsa().jwk(R"(,"kid":"b")"), SigningKey::p384().jwk(R"(,"kid":"a")")}));
  ASSERT_TRUE(made.keys);
  EXPECT_EQ(made.skipped, std::vector<std::string>{"key 0 (a): more than one key of that name"});
  EXPECT_EQ(look(*made.keys, "a"), Lookup::ambiguous);
  EXPECT_EQ(look(*made.keys, "a", es384), Lookup::ambiguous);
  EXPECT_EQ(look(*made.keys, "b"), Lookup::found);
}

TEST(KeySet, IsBounded) {  // T67, T70
  const std::string key = SigningKey::p256().jwk();
  std::string many = R"({"keys":[)" + key;
  for (int i = 1; i < 64; ++i) many += ',' + key;
  EXPECT_EQ(KeySet::from_jwks(many + "]}").error, "");
  EXPECT_EQ(KeySet::from_jwks(many + ',' + key + "]}").error, "more than 64 keys");
  EXPECT_EQ(KeySet::from_jwks(R"({"keys":[]})" + std::string(512 * 1024, ' ')).error, "larger than 512 KiB");
  EXPECT_EQ(KeySet::from_jwks(R"({"keys":[],"x":)" + std::string(40, '[') + std::string(40, ']') + "}").error,
            "not JSON, or nested too deeply");
  for (const char* bad : {"", "[]", "{", "{}", R"({"keys":{}})", R"({"keys":null})", "null", "<html>"}) {
    EXPECT_FALSE(KeySet::from_jwks(bad).keys) << bad;
  }
  EXPECT_EQ(KeySet::from_jwks(R"({"keys":[],"keys":[]})").error, "a member stands twice");
  EXPECT_EQ(KeySet::from_jwks(R"({"keys":[{"kty":"RSA","kty":"EC"}]})").error, "a member stands twice");
}

TEST(KeySet, PemKeysAreNamedByTheirHashes) {
  const auto made =
      KeySet::from_pem(SigningKey::rsa().pem() + SigningKey::other_rsa().pem() + SigningKey::p256().pem());
  ASSERT_TRUE(made.keys) << made.error;
  const KeySet::Key& first = made.keys->keys()[0];
  EXPECT_EQ(look(*made.keys, first.key.thumbprint()), Lookup::found);
  EXPECT_EQ(look(*made.keys, first.key.info_hash()), Lookup::found);
  EXPECT_EQ(look(*made.keys, "anything"), Lookup::ambiguous);
  EXPECT_EQ(look(*made.keys, "anything", es256), Lookup::found);
  EXPECT_FALSE(KeySet::from_pem(SigningKey::rsa().private_pem()).keys);
}

TEST(KeySet, KeysAreKnownAgain) {
  const auto one =
      test::keys_of(jwks({SigningKey::rsa().jwk(R"(,"kid":"a")"), SigningKey::p256().jwk(R"(,"kid":"b")")}));
  const auto two = test::keys_of(jwks({SigningKey::p256().jwk(R"(,"kid":"b")")}));
  const std::uint64_t a = one->keys()[0].id, b = one->keys()[1].id;
  EXPECT_NE(a, b);
  EXPECT_TRUE(one->has(a) && one->has(b) && two->has(b));
  EXPECT_FALSE(two->has(a));
  EXPECT_FALSE(one->is_same(*two));
  EXPECT_TRUE(two->is_same(*test::keys_of(jwks({SigningKey::p256().jwk(R"(,"kid":"b","use":"sig")")}))));
  // What a key may be used for is part of it.
  EXPECT_FALSE(two->has(test::keys_of(jwks({SigningKey::p256().jwk(R"(,"kid":"b","alg":"ES256")")}))->keys()[0].id));
}

}  // namespace
}  // namespace postern::identity
