#include "identity/api_key.h"

#include <gtest/gtest.h>

#include <set>

#include "identity/api_key_set.h"

namespace postern::identity {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

ApiKeyRecord record_of(const NewApiKey& key) {
  ApiKeyRecord record{.kid = key.kid,
                      .name = "nightly \"tests\"",
                      .subject = "ci",
                      .scopes = {"write", "read", "read"},
                      .groups = {"CN=a,OU=b"},
                      .roles = {"r\u00e4der"},
                      .created = kNow - 100,
                      .expires = kNow + 100};
  EXPECT_TRUE(crypto::sha256(key.text.reveal(), record.digest));
  return record;
}

std::string file_of(const ApiKeyRecord& record) { return api_key_line(record); }

TEST(ApiKey, HasItsForm) {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const auto key = make_api_key();
    ASSERT_TRUE(key);
    const std::string text(key->text.reveal());
    ASSERT_EQ(text.size(), kApiKeySize) << text;
    ASSERT_EQ(parse_api_key(text), key->kid);
    ASSERT_TRUE(seen.insert(text).second);
  }
}

TEST(ApiKey, EveryMistypedLetterIsNoticedWithoutADigest) {
  const auto key = make_api_key();
  const std::string text(key->text.reveal());
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char c : std::string("0Zz_ \n\xff") + '\0') {
      std::string other = text;
      if (other[i] == c) continue;
      other[i] = c;
      EXPECT_FALSE(parse_api_key(other)) << i;
    }
  }
  EXPECT_FALSE(parse_api_key(text + "0"));
  EXPECT_FALSE(parse_api_key(text.substr(0, text.size() - 1)));
  EXPECT_FALSE(parse_api_key(" " + text));
  EXPECT_FALSE(parse_api_key(""));
  EXPECT_FALSE(parse_api_key("pst_"));
}

// The check's digits are fixed: keys that are out there have them.
TEST(ApiKey, TheCheckStaysWhatItIs) {
  const std::string text = "pst_0123456789AB_" + std::string(43, 'x') + "_";
  EXPECT_EQ(parse_api_key(text + "1ESjMG"), "0123456789AB");  // CRC-32 of the text, in base 62
}

TEST(ApiKeySet, KnowsTheBearer) {
  const auto key = make_api_key();
  const ApiKeySet keys({record_of(*key)});
  const ApiKeySet::Check check = keys.check(key->text.reveal(), kNow);
  ASSERT_EQ(check.verdict, ApiKeyVerdict::good);
  EXPECT_EQ(check.who.subject, "ci");
  EXPECT_EQ(check.who.credential, CredentialKind::api_key);
  EXPECT_EQ(check.who.credential_id, key->kid);
  EXPECT_EQ(check.who.issuer_name, "api-keys");
  EXPECT_EQ(check.who.scopes, (std::vector<std::string>{"read", "write"}));
  EXPECT_EQ(check.who.expires_at, kNow + 100);
  EXPECT_EQ(check.facts.issuer, kApiKeyIssuer);
  EXPECT_EQ(check.facts.good_until, kNow + 100);
  EXPECT_EQ(keys.ids(), (std::vector<KeyId>{check.facts.key}));
}

TEST(ApiKeySet, TheKidAloneIsWorthNothing) {
  const auto key = make_api_key();
  const auto other = make_api_key();
  ApiKeyRecord record = record_of(*key);
  record.kid = other->kid;
  const ApiKeySet keys({record});
  EXPECT_EQ(keys.check(other->text.reveal(), kNow).verdict, ApiKeyVerdict::wrong);
  EXPECT_EQ(keys.check(key->text.reveal(), kNow).verdict, ApiKeyVerdict::unknown);
  EXPECT_EQ(keys.check("pst_x", kNow).verdict, ApiKeyVerdict::malformed);
  EXPECT_EQ(ApiKeySet().check(key->text.reveal(), kNow).verdict, ApiKeyVerdict::unknown);
}

TEST(ApiKeySet, ExpiredAndRevokedKeysAreRefused) {
  const auto key = make_api_key();
  ApiKeyRecord record = record_of(*key);
  EXPECT_EQ(ApiKeySet({record}).check(key->text.reveal(), kNow + 99).verdict, ApiKeyVerdict::good);
  EXPECT_EQ(ApiKeySet({record}).check(key->text.reveal(), kNow + 100).verdict, ApiKeyVerdict::expired);
  record.revoked = kNow;
  const ApiKeySet revoked({record});
  EXPECT_EQ(revoked.check(key->text.reveal(), kNow).verdict, ApiKeyVerdict::revoked);
  EXPECT_TRUE(revoked.ids().empty());
}

TEST(ApiKeySet, AChangedRecordIsAnotherKeyToTheCache) {
  const auto key = make_api_key();
  ApiKeyRecord record = record_of(*key);
  const ApiKeySet before({record});
  record.scopes = {"read"};
  const ApiKeySet after({record});
  EXPECT_NE(before.ids(), after.ids());
  EXPECT_EQ(after.ids(), ApiKeySet({record}).ids());
}

TEST(ApiKeyFile, ReadsWhatItWrites) {
  const auto key = make_api_key();
  ApiKeyRecord record = record_of(*key);
  const std::string text = file_of(record) + "\n  \n";
  ApiKeyFile file = parse_api_key_file(text);
  ASSERT_EQ(file.error, "");
  ASSERT_EQ(file.records.size(), 1u);
  EXPECT_EQ(file.records[0], record);
  EXPECT_EQ(text.find(key->text.reveal()), std::string::npos);
  EXPECT_EQ(text.find(key->text.reveal().substr(17, 20)), std::string::npos);
}

TEST(ApiKeyFile, OneBadLineSpoilsAllOfIt) {
  const std::string good = file_of(record_of(*make_api_key()));
  const auto with = [](const std::string& member) {
    return "{\"kid\": \"0123456789AB\", \"sha256\": \"" + std::string(64, 'a') +
           "\", \"name\": \"n\", \"subject\": \"s\", \"created\": 1" + member + "}\n";
  };
  EXPECT_EQ(parse_api_key_file(good + with(", \"expires\": 2")).error, "");
  for (const auto& [line, error] : std::vector<std::pair<std::string, std::string>>{
           {with(""), "line 2: expires: missing"},
           {with(", \"expires\": 0"), "line 2: expires: must be a time"},
           {with(", \"expires\": -5"), "line 2: expires: must be a time"},
           {with(", \"expires\": 1e300"), "line 2: expires: must be a time"},
           {with(", \"expires\": \"2\""), "line 2: expires: must be a time"},
           {with(", \"expires\": 2, \"expires\": 3"), "line 2: expires: stands twice"},
           {with(", \"expires\": 2, \"admin\": true"), "line 2: admin: unknown"},
           {with(", \"expires\": 2, \"groups\": [\"\"]"), "line 2: groups: must have"},
           {with(", \"expires\": 2, \"groups\": [\"a\\r\\nb\"]"), "line 2: groups: must have"},
           {with(", \"expires\": 2, \"scopes\": \"a\""), "line 2: scopes: must be a list"},
           {with(", \"expires\": 2, \"scopes\": [[\"a\"]]"), "line 2: scopes: must be a string"},
           {"[]\n", "line 2: must be an object"},
           {"junk\n", "line 2: "},
           {good, "line 2: kid: stands twice in the file"},
       }) {
    const ApiKeyFile file = parse_api_key_file(good + line);
    EXPECT_EQ(file.error.substr(0, error.size()), error) << line;
    EXPECT_TRUE(file.records.empty());
  }
}

}  // namespace
}  // namespace postern::identity
