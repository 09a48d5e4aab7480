// Keys that are too weak to be one, signatures that look like one, and the vectors of the RFCs.
#include "crypto/verify_key.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <array>

#include "base/base64url.h"
#include "crypto/ec_curve.h"
#include "crypto/weak_rsa.h"
#include "unit/identity/token_support.h"

namespace postern::crypto {
namespace {

using test::SigningKey;
using enum SignatureAlgorithm;

constexpr std::array kAll{rs256, rs384, rs512, ps256, ps384, ps512, es256, es384, es512, eddsa, hs256};

VerifyKey public_of(const SigningKey& key) {
  Loaded<std::vector<VerifyKey>> keys = VerifyKey::from_pem(key.pem());
  EXPECT_TRUE(keys) << keys.error;
  return std::move(keys.value->at(0));
}

std::string bytes(std::string_view text) { return decode_base64url(text).value(); }

TEST(VerifyKey, EachAlgorithmHasItsFamilyAndNoOther) {
  for (const KeyFamily family :
       {KeyFamily::rsa, KeyFamily::p256, KeyFamily::p384, KeyFamily::p521, KeyFamily::ed25519}) {
    const SigningKey& signer = SigningKey::of(family);
    const VerifyKey key = public_of(signer);
    EXPECT_EQ(key.family(), family);
    for (const SignatureAlgorithm algorithm : kAll) {
      if (!key.fits(algorithm)) {
        EXPECT_FALSE(key.verify(algorithm, "m", "s"));
        continue;
      }
      const std::string signature = signer.sign(algorithm, "message");
      EXPECT_TRUE(key.verify(algorithm, "message", signature)) << to_string(algorithm);
      EXPECT_FALSE(key.verify(algorithm, "messagf", signature));
      EXPECT_FALSE(key.verify(algorithm, "message", ""));
      EXPECT_FALSE(key.verify(algorithm, "message", signature + '\0'));
      EXPECT_FALSE(key.verify(algorithm, "message", signature.substr(1)));
      for (const std::size_t at : {std::size_t{0}, signature.size() / 2, signature.size() - 1}) {
        std::string bad = signature;
        bad[at] = static_cast<char>(bad[at] ^ 1);
        EXPECT_FALSE(key.verify(algorithm, "message", bad)) << to_string(algorithm) << " at " << at;
        EXPECT_EQ(ERR_peek_error(), 0u);  // left in the queue, it would be taken for a failure of TLS
      }
      for (const SignatureAlgorithm other : kAll) {
        EXPECT_EQ(key.verify(other, "message", signature), other == algorithm) << to_string(other);
      }
    }
  }
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(VerifyKey, EllipticSignaturesAreTwoNumbersInRange) {  // T73
  for (const auto& [family, algorithm] :
       {std::pair{KeyFamily::p256, es256}, {KeyFamily::p384, es384}, {KeyFamily::p521, es512}}) {
    const SigningKey& signer = SigningKey::of(family);
    const VerifyKey key = public_of(signer);
    const EcCurve& curve = *find_curve(family);
    const std::string good = signer.sign(algorithm, "message");
    const std::string r = good.substr(0, curve.bytes), s = good.substr(curve.bytes), zero(curve.bytes, '\0');
    const std::string order(curve.order), most(curve.bytes, '\xff');
    EXPECT_TRUE(key.verify(algorithm, "message", r + s));
    for (const std::string& bad : {zero, order, most}) {
      EXPECT_FALSE(key.verify(algorithm, "message", bad + s));
      EXPECT_FALSE(key.verify(algorithm, "message", r + bad));
      EXPECT_FALSE(key.verify(algorithm, "message", bad + bad));
    }
    EXPECT_FALSE(key.verify(algorithm, "message", '\0' + r + '\0' + s));
    for (const std::string& more : {std::string(1, '\0'), std::string(1, 'x'), std::string(curve.bytes, '\0'), good})
      EXPECT_FALSE(key.verify(algorithm, "message", good + more));
    EXPECT_FALSE(key.verify(algorithm, "message", good.substr(0, good.size() - 1)));
    EXPECT_FALSE(key.verify(algorithm, "message", std::string(4096, 'x')));
    EXPECT_FALSE(key.verify(algorithm, "message", test::to_der_signature(good)));
  }
}

TEST(VerifyKey, SecretsAreLongAndForHs256Alone) {
  EXPECT_FALSE(VerifyKey::from_secret(""));
  EXPECT_FALSE(VerifyKey::from_secret(std::string(31, 's')));
  const std::string secret(32, 's');
  const Loaded<VerifyKey> key = VerifyKey::from_secret(secret);
  ASSERT_TRUE(key);
  EXPECT_TRUE(key.value->verify(hs256, "message", test::hmac(secret, "message")));
  EXPECT_FALSE(key.value->verify(hs256, "message", test::hmac("", "message")));
  EXPECT_FALSE(key.value->verify(hs256, "message", test::hmac(secret, "message").substr(0, 31)));
  EXPECT_FALSE(key.value->verify(rs256, "message", test::hmac(secret, "message")));
}

TEST(VerifyKey, WeakRsaKeysAreNone) {  // T73
  const std::string n(256, '\xff');    // odd, 2048 bits
  const std::string three(1, 3);
  EXPECT_TRUE(VerifyKey::from_rsa(n, three));
  EXPECT_EQ(VerifyKey::from_rsa(std::string(128, '\xff'), three).error, "an RSA key of fewer than 2048 bits");
  EXPECT_EQ(VerifyKey::from_rsa(std::string(256, '\0'), three).error, "an RSA key of fewer than 2048 bits");
  EXPECT_EQ(VerifyKey::from_rsa('\x7f' + n.substr(1), three).error, "an RSA key of fewer than 2048 bits");
  EXPECT_EQ(VerifyKey::from_rsa(std::string(1025, '\xff'), three).error, "an RSA key of more than 8192 bits");
  EXPECT_EQ(VerifyKey::from_rsa(std::string(1 << 20, '\xff'), three).error, "an RSA key of more than 8192 bits");
  EXPECT_EQ(VerifyKey::from_rsa(n.substr(1) + '\xfe', three).error, "an RSA key with an even modulus");
  for (const std::string& e :
       {std::string(1, 1), std::string(1, 2), std::string(1, '\0'), std::string("\x01\x00\x00", 3)}) {
    EXPECT_EQ(VerifyKey::from_rsa(n, e).error, "an RSA key with an unsafe exponent");
  }
  EXPECT_FALSE(VerifyKey::from_rsa(n, std::string(9, '\xff')));
  const SigningKey small(KeyFamily::rsa, 1024);
  EXPECT_EQ(VerifyKey::from_pem(small.pem()).error, "an RSA key of fewer than 2048 bits");
}

TEST(VerifyKey, KeysOfTheBrokenGeneratorAreNone) {
  using BignumPtr = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;
  // 1 modulo each of the primes is a power of 65537 modulo each of them.
  const BignumPtr product(BN_new()), n(BN_new());
  BN_one(product.get());
  for (const unsigned prime : {2, 11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157}) {
    BN_mul_word(product.get(), prime);
  }
  BN_lshift(n.get(), product.get(), 2100 - BN_num_bits(product.get()));
  BN_add_word(n.get(), 1);
  std::string text(static_cast<std::size_t>(BN_num_bytes(n.get())), '\0');
  BN_bn2bin(n.get(), reinterpret_cast<unsigned char*>(text.data()));
  EXPECT_EQ(VerifyKey::from_rsa(text, "\x03").error, "an RSA key from a broken generator (ROCA)");
}

TEST(VerifyKey, PointsAreOnTheirCurve) {
  const std::string x = bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
  const std::string y = bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
  EXPECT_TRUE(VerifyKey::from_point(KeyFamily::p256, x, y));
  std::string off = y;
  off[31] = static_cast<char>(off[31] ^ 1);
  EXPECT_EQ(VerifyKey::from_point(KeyFamily::p256, x, off).error, "a point that is not on its curve");
  EXPECT_FALSE(VerifyKey::from_point(KeyFamily::p256, std::string(32, '\0'), std::string(32, '\0')));
  EXPECT_FALSE(VerifyKey::from_point(KeyFamily::p256, std::string(32, '\xff'), y));
  EXPECT_FALSE(VerifyKey::from_point(KeyFamily::p256, '\0' + x, y));
  EXPECT_FALSE(VerifyKey::from_point(KeyFamily::p256, x + y.substr(0, 1), y.substr(1)));  // as long, taken together
  EXPECT_FALSE(VerifyKey::from_point(KeyFamily::p384, x, y));
  EXPECT_FALSE(VerifyKey::from_point(KeyFamily::ed25519, x, y));
  EXPECT_FALSE(VerifyKey::from_ed25519(std::string(31, 'x')));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(VerifyKey, PemIsForPublicKeys) {
  const auto two =
      VerifyKey::from_pem("text before\n" + SigningKey::rsa().pem() + "between\n" + SigningKey::p256().pem());
  ASSERT_TRUE(two) << two.error;
  EXPECT_EQ(two.value->size(), 2u);
  EXPECT_EQ(VerifyKey::from_pem("").error, "no public key and no certificate (PEM is expected)");
  EXPECT_EQ(VerifyKey::from_pem(SigningKey::rsa().private_pem()).error,
            "\"PRIVATE KEY\" is not a public key or a certificate");
  std::string broken = SigningKey::rsa().pem();
  broken.resize(broken.size() / 2);
  EXPECT_FALSE(VerifyKey::from_pem(broken));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(VerifyKey, ThumbprintsAreThoseOfTheRfcs) {
  const auto rsa = VerifyKey::from_rsa(
      bytes(
          "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
          "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
          "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
          "kEgU8awapJzKnqDKgw"),
      bytes("AQAB"));
  ASSERT_TRUE(rsa);
  EXPECT_EQ(rsa.value->thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");  // RFC 7638 3.1
  const auto okp = VerifyKey::from_ed25519(bytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
  ASSERT_TRUE(okp);
  EXPECT_EQ(okp.value->thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");  // RFC 8037 A.3
}

}  // namespace
}  // namespace postern::crypto
