// Rows T60 to T75 of the published holes of other verifiers, as tables: each names its fault.
#include "identity/token_verifier.h"

#include <gtest/gtest.h>

#include "base/base64url.h"
#include "unit/identity/token_support.h"

namespace postern::identity {
namespace {

using crypto::KeyFamily;
using test::kNow;
using test::make_token;
using test::SigningKey;
using enum crypto::SignatureAlgorithm;

constexpr std::string_view kHeader = R"({"alg":"RS256","kid":"k"})";
constexpr std::string_view kPayload =
    R"({"iss":"https://a.example","sub":"alice","aud":"api","exp":1700000300,"iat":1700000000})";

std::shared_ptr<const IssuerSet> issuers() { return test::one_issuer(test::plain_issuer(), test::rsa_keys()); }

std::string_view fault_of(const std::string& token, std::int64_t now = kNow) {
  static const auto set = issuers();
  return to_string(verify_token(*set, token, now).fault);
}
std::string_view fault_of_header(std::string_view header) {
  return fault_of(make_token(SigningKey::rsa(), rs256, header, kPayload));
}
std::string_view fault_of_payload(std::string_view payload) { return fault_of(make_token(payload)); }
/// The usual claims, and these.
std::string_view fault_with(const std::string& claims) {
  return fault_of_payload(R"({"iss":"https://a.example","sub":"alice","aud":"api",)" + claims + "}");
}

TEST(TokenVerifier, SaysWhoIsCalling) {
  const std::string token = make_token(
      R"({"iss":"https://a.example","sub":"alice","aud":["x","api"],"exp":1700000300,"iat":1700000000,"nbf":1699999990,
          "auth_time":1699999000,"jti":"j1","sid":"s1","azp":"app","email":"a@b.example","email_verified":true,
          "name":"Alice","preferred_username":"al","groups":["g2","","g1","g2"],"roles":["r"],"scope":"b a  b",
          "acr":"gold","amr":["pwd","otp"],"deep":{"n":[1,2.5,true,null,"t"]},
          "cnf":{"jkt":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}})");
  const auto set = issuers();
  const TokenVerdict verdict = verify_token(*set, token, kNow);
  ASSERT_EQ(to_string(verdict.fault), "none");
  EXPECT_EQ(verdict.issuer, 0u);
  EXPECT_TRUE(verdict.signature_checked);
  EXPECT_TRUE(set->has_key(0, verdict.key_id));
  EXPECT_FALSE(set->has_key(0, verdict.key_id + 1));
  EXPECT_FALSE(set->has_key(1, verdict.key_id));
  EXPECT_EQ(verdict.good_until, 1700000330);
  EXPECT_EQ(verdict.good_from, 1699999960);
  const Principal& who = verdict.principal;
  EXPECT_EQ(who.subject, "alice");
  EXPECT_EQ(who.issuer, "https://a.example");
  EXPECT_EQ(who.issuer_name, "corp");
  EXPECT_EQ(who.client_id, "app");
  EXPECT_EQ(who.email, "a@b.example");
  EXPECT_TRUE(who.email_verified);
  EXPECT_EQ(who.name, "Alice");
  EXPECT_EQ(who.preferred_username, "al");
  EXPECT_EQ(who.session_id, "s1");
  EXPECT_EQ(who.credential_id, "j1");
  EXPECT_EQ(who.credential, CredentialKind::jwt);
  EXPECT_EQ(who.groups, (std::vector<std::string>{"g1", "g2"}));
  EXPECT_EQ(who.roles, std::vector<std::string>{"r"});
  EXPECT_EQ(who.scopes, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(who.audiences, (std::vector<std::string>{"api", "x"}));
  EXPECT_EQ(who.acr, "gold");
  EXPECT_EQ(who.amr, (std::vector<std::string>{"otp", "pwd"}));
  EXPECT_EQ(who.expires_at, 1700000300);
  EXPECT_EQ(who.issued_at, 1700000000);
  EXPECT_EQ(who.auth_time, 1699999000);
  EXPECT_EQ(who.bound_key, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  EXPECT_FALSE(who.groups_incomplete);
  std::vector<Claim> deep;
  for (const Claim& claim : who.claims) {
    if (claim.path.starts_with("deep")) deep.push_back(claim);
  }
  EXPECT_EQ(deep, (std::vector<Claim>{{"deep.n", "1"}, {"deep.n", "2.5"}, {"deep.n", "t"}, {"deep.n", "true"}}));
}

TEST(TokenVerifier, AlgorithmIsNamedAndAllowed) {  // T60
  EXPECT_EQ(fault_of_header(kHeader), "none");
  for (const char* header : {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"nOnE"})", R"({"alg":""})",
                             R"({"alg":"rs256"})", R"({"alg":"RS256 "})", R"({"alg":"RSA1_5"})", R"({"alg":"HS512"})",
                             R"({"alg":"HS256"})", R"({"alg":"RS384"})", R"({"alg":"RS256\u0000"})"}) {
    EXPECT_EQ(fault_of_header(header), "algorithm_refused") << header;
  }
  for (const char* header : {"{}", R"({"alg":null})", R"({"alg":1})", R"({"alg":["RS256"]})", R"({"ALG":"RS256"})"}) {
    EXPECT_EQ(fault_of_header(header), "no_algorithm") << header;
  }
  const std::string unsigned_token = test::signing_input(R"({"alg":"none"})", kPayload) + '.';
  EXPECT_EQ(fault_of(unsigned_token), "algorithm_refused");
  EXPECT_EQ(fault_of(test::signing_input(kHeader, kPayload) + '.'), "bad_signature");
}

TEST(TokenVerifier, PublicKeyIsNoSecret) {  // T61
  const std::string input = test::signing_input(R"({"alg":"HS256","kid":"k"})", kPayload);
  const std::string pem = SigningKey::rsa().pem();
  config::Issuer allowing = test::plain_issuer();
  allowing.algorithms = {"RS256", "HS256"};  // not possible in a config; the key refuses it as well
  const auto set = test::one_issuer(allowing, test::rsa_keys());
  for (const std::string& secret : {pem, pem.substr(0, pem.size() - 1), SigningKey::rsa().jwk(), std::string()}) {
    const std::string token = input + '.' + encode_base64url(test::hmac(secret, input));
    EXPECT_EQ(fault_of(token), "algorithm_refused");
    EXPECT_EQ(to_string(verify_token(*set, token, kNow).fault), "algorithm_refused");
  }
}

TEST(TokenVerifier, SecretBelongsToOneIssuer) {
  const std::string secret(32, 's');
  config::Issuer with_secret = test::plain_issuer();
  with_secret.name = "hmac";
  with_secret.url = "https://h.example";
  with_secret.secret_file = "s";
  auto set = IssuerSet::make({test::plain_issuer(), with_secret}, {}, 16384);
  set = set->with_keys(0, test::rsa_keys())->with_keys(1, KeySet::from_secret(secret).keys);
  const auto token_of = [&](const std::string& issuer) {
    const std::string input = test::signing_input(
        R"({"alg":"HS256"})", R"({"iss":")" + issuer + R"(","sub":"a","aud":"api","exp":1700000300})");
    return input + '.' + encode_base64url(test::hmac(secret, input));
  };
  EXPECT_EQ(to_string(verify_token(*set, token_of("https://h.example"), kNow).fault), "none");
  EXPECT_EQ(to_string(verify_token(*set, token_of("https://a.example"), kNow).fault), "algorithm_refused");
  // And an RS256 token of the other issuer's key does not count as its.
  const std::string rs = make_token(R"({"iss":"https://h.example","sub":"a","aud":"api","exp":1700000300})");
  EXPECT_EQ(to_string(verify_token(*set, rs, kNow).fault), "algorithm_refused");
}

TEST(TokenVerifier, KeyOfOneIssuerIsNotAnothers) {
  config::Issuer other = test::plain_issuer();
  other.name = "other";
  other.url = "https://b.example";
  auto set = IssuerSet::make({test::plain_issuer(), other}, {}, 16384);
  set = set->with_keys(0, test::rsa_keys());
  set = set->with_keys(1, test::keys_of(test::jwks({SigningKey::other_rsa().jwk(R"(,"kid":"k")")})));
  const std::string token = make_token(R"({"iss":"https://b.example","sub":"a","aud":"api","exp":1700000300})");
  const TokenVerdict verdict = verify_token(*set, token, kNow);
  EXPECT_EQ(to_string(verdict.fault), "bad_signature");
  EXPECT_EQ(verdict.issuer, 1u);
  EXPECT_TRUE(verdict.signature_checked);
}

TEST(TokenVerifier, HeaderAsksForNothing) {  // T63
  for (const char* crit : {R"(["x"])", "[]", R"(["b64"])", R"(["exp","exp"])", R"("exp")", "null", "1"}) {
    EXPECT_EQ(fault_of_header(R"({"alg":"RS256","kid":"k","crit":)" + std::string(crit) + "}"), "critical_header");
  }
  EXPECT_EQ(fault_of_header(R"({"alg":"RS256","kid":"k","b64":false})"), "unencoded_payload");
  EXPECT_EQ(fault_of_header(R"({"alg":"RS256","kid":"k","b64":true})"), "unencoded_payload");
}

TEST(TokenVerifier, KeysInTheHeaderAreNotLookedAt) {  // T64
  const SigningKey& attacker = SigningKey::other_rsa();
  const std::string jwk = attacker.jwk();
  EXPECT_EQ(
      fault_of_header(R"({"alg":"RS256","kid":"k","jku":"http://169.254.169.254/","x5u":"http://x/","x5c":["A"]})"),
      "none");
  EXPECT_EQ(fault_of(make_token(attacker, rs256, R"({"alg":"RS256","kid":"k","jwk":)" + jwk + "}", kPayload)),
            "bad_signature");
  EXPECT_EQ(fault_of(make_token(attacker, rs256, R"({"alg":"RS256","jwk":)" + jwk + "}", kPayload)), "bad_signature");
}

TEST(TokenVerifier, KidIsAShortText) {  // T65
  for (const char* kid : {R"("../../etc/passwd")", R"("k' OR '1'='1")", R"("K")", R"("k\u0000")", R"("")"}) {
    EXPECT_EQ(fault_of_header(R"({"alg":"RS256","kid":)" + std::string(kid) + "}"), "unknown_key") << kid;
  }
  for (const std::string& kid : {std::string("1"), std::string("null"), std::string("[]"), std::string("{}"),
                                 '"' + std::string(257, 'k') + '"'}) {
    EXPECT_EQ(fault_of_header(R"({"alg":"RS256","kid":)" + kid + "}"), "bad_kid") << kid;
  }
  EXPECT_EQ(fault_of_header(R"({"alg":"RS256","kid":")" + std::string(65536, 'k') + "\"}"), "too_large");
  EXPECT_EQ(fault_of_header(R"({"alg":"RS256","kid":")" + std::string(2000, 'k') + "\"}"), "bad_header");
  const TokenVerdict verdict =
      verify_token(*issuers(), make_token(SigningKey::rsa(), rs256, R"({"alg":"RS256","kid":"new"})", kPayload), kNow);
  EXPECT_EQ(class_of(verdict.fault), FaultClass::unknown_key);
  EXPECT_EQ(verdict.kid, "new");
  EXPECT_EQ(verdict.issuer, 0u);
  EXPECT_FALSE(verdict.signature_checked);
}

TEST(TokenVerifier, WithoutKidOneKeyFits) {
  EXPECT_EQ(fault_of_header(R"({"alg":"RS256"})"), "none");
  const auto two = test::one_issuer(
      test::plain_issuer(),
      test::keys_of(test::jwks({SigningKey::rsa().jwk(R"(,"kid":"a")"), SigningKey::other_rsa().jwk()})));
  EXPECT_EQ(
      to_string(verify_token(*two, make_token(SigningKey::rsa(), rs256, R"({"alg":"RS256"})", kPayload), kNow).fault),
      "ambiguous_key");
}

TEST(TokenVerifier, TimesAreNumbersInRange) {  // T68
  EXPECT_EQ(fault_with(R"("iat":1700000000)"), "no_expiry");
  for (const char* bad : {"1e300", "-1", "-1.5", "\"1700000300\"", "null", "true", "[1700000300]", "{}", "253402300800",
                          "18446744073709551615", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_EQ(fault_with(R"("exp":)" + std::string(bad)), "bad_time") << bad;
    EXPECT_EQ(fault_with(R"("exp":1700000300,"nbf":)" + std::string(bad)), "bad_time") << bad;
    EXPECT_EQ(fault_with(R"("exp":1700000300,"iat":)" + std::string(bad)), "bad_time") << bad;
  }
  for (const char* broken : {"1e999", "99999999999999999999999", "NaN", "Infinity", "01", "1."}) {
    EXPECT_EQ(fault_with(R"("exp":)" + std::string(broken)), "bad_claims") << broken;
  }
  for (const char* good : {"1700000300", "1700000300.5", "1.7000003e9", "4102444800", "253402300799", "1700000300.0"}) {
    EXPECT_EQ(fault_with(R"("exp":)" + std::string(good)), "none") << good;
  }
  EXPECT_EQ(fault_with(R"("exp":0)"), "expired");
  EXPECT_EQ(fault_with(R"("exp":1.5)"), "expired");
  EXPECT_EQ(fault_with(R"("exp":-0.0)"), "expired");
}

TEST(TokenVerifier, TimesCountWithLeeway) {
  const std::string token = make_token(
      R"({"iss":"https://a.example","sub":"a","aud":"api","exp":1700000100,"nbf":1700000000,"iat":1700000000})");
  EXPECT_EQ(fault_of(token, 1700000129), "none");
  EXPECT_EQ(fault_of(token, 1700000130), "expired");
  EXPECT_EQ(fault_of(token, 1699999970), "none");
  EXPECT_EQ(fault_of(token, 1699999969), "not_yet_valid");
  EXPECT_EQ(fault_of(token, 0), "not_yet_valid");
  EXPECT_EQ(fault_of(token, -1), "not_yet_valid");
  EXPECT_EQ(fault_with(R"("exp":1700000300,"iat":1700000031)"), "issued_in_future");
  EXPECT_EQ(fault_with(R"("exp":1700000300,"iat":1700000030)"), "none");
  EXPECT_EQ(fault_with(R"("exp":1700000300,"nbf":253402300799)"), "not_yet_valid");
}

TEST(TokenVerifier, LifetimeMayBeBounded) {
  config::Issuer issuer = test::plain_issuer();
  issuer.max_lifetime = std::chrono::minutes(5);
  const auto set = test::one_issuer(issuer, test::rsa_keys());
  const auto fault = [&](const std::string& times) {
    return to_string(
        verify_token(*set, make_token(R"({"iss":"https://a.example","sub":"a","aud":"api",)" + times + "}"), kNow)
            .fault);
  };
  EXPECT_EQ(fault(R"("iat":1700000000,"exp":1700000300)"), "none");
  EXPECT_EQ(fault(R"("iat":1700000000,"exp":1700000301)"), "lives_too_long");
  EXPECT_EQ(fault(R"("exp":1700000100)"), "lives_too_long");
}

TEST(TokenVerifier, AudienceAndIssuerAreOurs) {  // T69
  const auto with = [](const std::string& rest) {
    return fault_of_payload(R"({"sub":"alice","exp":1700000300,)" + rest + "}");
  };
  const std::string iss = R"("iss":"https://a.example",)";
  EXPECT_EQ(with(iss + R"("aud":"api")"), "none");
  EXPECT_EQ(with(iss + R"("aud":["x","api"])"), "none");
  EXPECT_EQ(with(R"("iss":"https://a.example")"), "no_audience");
  for (const char* aud : {R"("")", R"("API")", R"("api ")", "[]", R"(["x"])", R"("api,x")"}) {
    EXPECT_EQ(with(iss + R"("aud":)" + aud), "wrong_audience") << aud;
  }
  for (const char* aud : {"1", "null", "true", R"({"api":1})", R"(["api",1])", R"([["api"]])"}) {
    EXPECT_EQ(with(iss + R"("aud":)" + aud), "bad_claims") << aud;
  }
  for (const char* bad : {"https://a.example/", "https://A.example", "https://a.example ", "http://a.example",
                          "https://a.example.evil.example", "a.example"}) {
    EXPECT_EQ(with(R"("iss":")" + std::string(bad) + R"(","aud":"api")"), "unknown_issuer") << bad;
  }
  for (const char* bad : {"1", "null", R"("")", R"(["https://a.example"])"}) {
    EXPECT_EQ(with(R"("iss":)" + std::string(bad) + R"(,"aud":"api")"), "no_issuer") << bad;
  }
  EXPECT_EQ(with(R"("aud":"api")"), "no_issuer");
}

TEST(TokenVerifier, MembersStandOnce) {  // T70
  EXPECT_EQ(fault_of_header(R"({"alg":"none","alg":"RS256","kid":"k"})"), "bad_header");
  EXPECT_EQ(fault_of_header(R"({"alg":"RS256","kid":"k","jwk":{"a":1,"a":1}})"), "bad_header");
  EXPECT_EQ(fault_with(R"("exp":1700000300,"sub":"bob")"), "bad_claims");
  EXPECT_EQ(fault_with(R"("exp":1700000300,"exp":1)"), "bad_claims");
  EXPECT_EQ(fault_with(R"("exp":1700000300,"\u0065xp":1)"), "bad_claims");
  EXPECT_EQ(fault_with(R"("exp":1700000300,"a":[{"b":{"c":1,"c":2}}])"), "bad_claims");
}

TEST(TokenVerifier, EncodingIsStrict) {  // T71
  const std::string token = make_token(kPayload);
  const std::size_t first = token.find('.'), second = token.find('.', first + 1);
  const auto with = [&](std::size_t at, std::string_view text) {
    std::string bad = token;
    return bad.insert(at, text);
  };
  for (const char* junk : {"=", "==", " ", "\n", "\t", "+", "/", "%3D", "\xff"}) {
    for (const std::size_t at : {std::size_t{0}, first, first + 1, second, second + 1, token.size()}) {
      EXPECT_NE(fault_of(with(at, junk)), "none") << junk << at;
    }
  }
  EXPECT_EQ(fault_of(token + "="), "bad_encoding");
  EXPECT_EQ(fault_of(token + std::string(1, '\0')), "bad_encoding");
  // 256 bytes leave four bits over at the end, which must be zero.
  std::string other = token;
  ASSERT_TRUE(other.back() == 'A' || other.back() == 'Q' || other.back() == 'g' || other.back() == 'w');
  other.back() = static_cast<char>(other.back() + 1);
  EXPECT_EQ(fault_of(other), "bad_encoding");
}

TEST(TokenVerifier, FormIsJudgedBeforeAnythingElse) {  // T72, T75
  EXPECT_EQ(fault_of(std::string(1'000'000, '.')), "too_large");
  EXPECT_EQ(fault_of(std::string(8 << 20, 'a')), "too_large");
  EXPECT_EQ(fault_of(std::string(16384, '.')), "not_compact");
  for (const char* bad : {"", ".", "a", "a.b", "a.b.c.d", "a.b.c.d.e.f", ".b.c", "..", "opaque-token"}) {
    EXPECT_EQ(fault_of(bad), "not_compact") << bad;
  }
  EXPECT_EQ(fault_of("eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.a.b.c.d"), "encrypted");
  EXPECT_EQ(fault_of("...."), "encrypted");
  EXPECT_EQ(class_of(TokenFault::encrypted), FaultClass::invalid);
  EXPECT_EQ(fault_of_header("[]"), "bad_header");
  EXPECT_EQ(fault_of_header(R"("RS256")"), "bad_header");
  EXPECT_EQ(fault_of_header(R"({"alg":"RS256")"), "bad_header");
  EXPECT_EQ(fault_of_header(R"({"alg":"RS256","kid":"k"} x)"), "bad_header");
  EXPECT_EQ(fault_of_payload("[]"), "bad_claims");
  EXPECT_EQ(fault_of_payload(""), "bad_claims");
  EXPECT_EQ(fault_with(R"("exp":1700000300,"a":")"
                       "\xff"
                       R"(")"),
            "bad_claims");
  EXPECT_EQ(fault_with(R"("exp":1700000300,"a":)" + std::string(20, '[') + std::string(20, ']')), "bad_claims");
  std::string many = R"("exp":1700000300,"a":[1)";
  for (int i = 0; i < 5000; ++i) many += ",1";
  EXPECT_EQ(fault_with(many + "]"), "bad_claims");
}

TEST(TokenVerifier, OnlyAccessTokensOpenDoors) {  // T74
  const auto typed = [](const std::string& type) {
    return fault_of_header(R"({"alg":"RS256","kid":"k","typ":)" + type + "}");
  };
  for (const char* good : {R"("JWT")", R"("jwt")", R"("at+jwt")", R"("AT+JWT")", R"("application/at+jwt")"}) {
    EXPECT_EQ(typed(good), "none") << good;
  }
  for (const char* bad : {R"("logout+jwt")", R"("dpop+jwt")", R"("secevent+jwt")", R"("id_token")", R"("JOSE")",
                          R"("application/dpop+jwt")", R"("at+jwt ")", R"("pop")"}) {
    EXPECT_EQ(typed(bad), "wrong_type") << bad;
  }
  EXPECT_EQ(typed("1"), "bad_header");
  for (const char* claim : {R"("nonce":"n")", R"("at_hash":"h")", R"("c_hash":"h")", R"("token_use":"id")",
                            R"("events":{"http://schemas.openid.net/event/backchannel-logout":{}})", R"("typ":"ID")"}) {
    EXPECT_EQ(fault_with(R"("exp":1700000300,)" + std::string(claim)), "wrong_type") << claim;
  }
}

TEST(TokenVerifier, TypesMayBeNarrowed) {
  config::Issuer issuer = test::plain_issuer();
  issuer.types = {"AT+JWT"};
  const auto set = test::one_issuer(issuer, test::rsa_keys());
  const auto fault = [&](std::string_view header) {
    return to_string(verify_token(*set, make_token(SigningKey::rsa(), rs256, header, kPayload), kNow).fault);
  };
  EXPECT_EQ(fault(R"({"alg":"RS256","kid":"k","typ":"at+jwt"})"), "none");
  EXPECT_EQ(fault(R"({"alg":"RS256","kid":"k","typ":"JWT"})"), "wrong_type");
  EXPECT_EQ(fault(kHeader), "wrong_type");
}

TEST(TokenVerifier, AuthorizedPartiesAreOnesThatAreBelieved) {
  config::Issuer issuer = test::plain_issuer();
  issuer.authorized_parties = {"app"};
  const auto set = test::one_issuer(issuer, test::rsa_keys());
  const auto fault = [&](const std::string& claim) {
    const std::string payload = R"({"iss":"https://a.example","sub":"a","aud":"api","exp":1700000300)" + claim + "}";
    return to_string(verify_token(*set, make_token(payload), kNow).fault);
  };
  EXPECT_EQ(fault(R"(,"azp":"app")"), "none");
  EXPECT_EQ(fault(R"(,"client_id":"app")"), "none");
  EXPECT_EQ(fault(R"(,"azp":"other","client_id":"app")"), "wrong_party");
  EXPECT_EQ(fault(""), "wrong_party");
}

TEST(TokenVerifier, EveryFamilySigns) {
  for (const auto& [family, algorithm] : {std::pair{KeyFamily::rsa, rs256},
                                          {KeyFamily::rsa, ps256},
                                          {KeyFamily::p256, es256},
                                          {KeyFamily::p384, es384},
                                          {KeyFamily::ed25519, eddsa}}) {
    const SigningKey& key = SigningKey::of(family);
    const auto set = test::one_issuer(test::plain_issuer(), test::keys_of(test::jwks({key.jwk(R"(,"kid":"k")")})));
    const std::string name(to_string(algorithm));
    const std::string token = make_token(key, algorithm, R"({"alg":")" + name + R"(","kid":"k"})", kPayload);
    EXPECT_EQ(to_string(verify_token(*set, token, kNow).fault), "none") << name;
    const std::string swapped = make_token(key, algorithm, R"({"alg":"RS512","kid":"k"})", kPayload);
    EXPECT_EQ(to_string(verify_token(*set, swapped, kNow).fault), "algorithm_refused") << name;
  }
}

TEST(TokenVerifier, WithoutKeysNobodyCanTell) {  // T88
  const auto set = test::one_issuer(test::plain_issuer(), nullptr);
  EXPECT_EQ(class_of(verify_token(*set, make_token(kPayload), kNow).fault), FaultClass::keys_unavailable);
  EXPECT_EQ(to_string(verify_token(IssuerSet(), make_token(kPayload), kNow).fault), "unknown_issuer");
}

TEST(TokenVerifier, BindingsAreKnownOrRefused) {
  EXPECT_EQ(fault_with(R"("exp":1700000300,"cnf":{"x5t#S256":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"})"), "none");
  for (const char* cnf : {"{}", "1", "null", R"({"kid":"x"})", R"({"jwk":{}})", R"({"jkt":1})", R"({"jkt":"short"})",
                          R"({"jkt":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","x5t#S256":1})"}) {
    EXPECT_EQ(fault_with(R"("exp":1700000300,"cnf":)" + std::string(cnf)), "bad_binding") << cnf;
  }
}

TEST(TokenVerifier, SubjectIsNeeded) {
  for (const char* sub : {R"("")", "null", "[]", R"(["a"])", "{}"}) {
    EXPECT_EQ(
        fault_of_payload(R"({"iss":"https://a.example","aud":"api","exp":1700000300,"sub":)" + std::string(sub) + "}"),
        "no_subject")
        << sub;
  }
}

TEST(TokenVerifier, AddressesAreOnlyThoseThatAreClear) {  // T44
  const auto set = issuers();
  const auto who = [&](const std::string& email) {
    return verify_token(*set,
                        make_token(R"({"iss":"https://a.example","sub":"a","aud":"api","exp":1700000300,"email":")" +
                                   email + R"(","email_verified":true})"),
                        kNow)
        .principal;
  };
  EXPECT_TRUE(who("a@corp.com").email_verified);
  for (const char* bad : {"a@evil.com@corp.com", "a@corp.com@evil.com",
                          "a\xef\xbc\xa0"
                          "corp.com",
                          "a@corp.com.", "@corp.com", "a@", "a", "a@corp.com,b@corp.com", "<a@corp.com>",
                          "a@c\\u0000.com", "a @corp.com"}) {
    EXPECT_FALSE(who(bad).email_verified) << bad;
    EXPECT_EQ(who(bad).email, "") << bad;
  }
}

TEST(TokenVerifier, AddressesAreVerifiedWhereTheIssuerSaysSo) {  // T44
  const auto set = issuers();
  const auto is_verified = [&](const std::string& more) {
    return verify_token(*set,
                        make_token(R"({"iss":"https://a.example","sub":"a","aud":"api","exp":1700000300,)"
                                   R"("email":"a@corp.com")" +
                                   more + "}"),
                        kNow)
        .principal.email_verified;
  };
  EXPECT_TRUE(is_verified(R"(,"email_verified":true)"));
  EXPECT_FALSE(is_verified(""));
  for (const char* no :
       {"false", "\"false\"", "0", "null", "\"\"", "\"yes\"", "[true,false]", "{\"a\":true}", "[]", "2"}) {
    EXPECT_FALSE(is_verified(R"(,"email_verified":)" + std::string(no))) << no;
  }
}

TEST(TokenVerifier, RolesAreMapped) {
  const std::vector<config::RoleMapping> mappings{{"admin", "", {"g1"}, {}},
                                                  {"reader", "corp", {}, {"viewer"}},
                                                  {"chained", "", {}, {"admin"}},
                                                  {"foreign", "other", {"g1"}, {}}};
  const auto set = test::one_issuer(test::plain_issuer(), test::rsa_keys(), mappings);
  const std::string token = make_token(
      R"({"iss":"https://a.example","sub":"a","aud":"api","exp":1700000300,"groups":["g1"],"roles":["viewer"]})");
  EXPECT_EQ(verify_token(*set, token, kNow).principal.roles, (std::vector<std::string>{"admin", "reader", "viewer"}));
}

}  // namespace
}  // namespace postern::identity
