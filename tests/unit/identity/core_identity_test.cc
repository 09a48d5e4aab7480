// What a core remembers of tokens, between changes of keys and configs: the cache, the refused ones and the budget,
// together.
#include "identity/core_identity.h"

#include <gtest/gtest.h>

#include "unit/identity/token_support.h"

namespace postern::identity {
namespace {

using test::kNow;
using test::SigningKey;

constexpr CoreIdentity::Moment kMoment{.unix_s = kNow, .steady_ms = 1'000'000};

std::shared_ptr<const IdentitySources> sources_of(const SigningKey& key, std::uint64_t generation = 1) {
  auto sources = std::make_shared<IdentitySources>();
  sources->generation = generation;
  sources->credentials.failures_per_second = 50;
  sources->credentials.cache_entries = 64;
  sources->credentials.cache_size = 1 << 20;
  sources->credentials.cache_ttl = std::chrono::minutes(5);
  sources->issuers = test::one_issuer(test::plain_issuer(), test::keys_of(test::jwks({key.jwk(R"(,"kid":"k")")})));
  return sources;
}

struct Core {
  Verdict verify(const std::string& token) {
    return identity.verify(token, identity.hash_of(token), {}, kMoment).verdict;
  }
  bool recalls(const std::string& token) {
    return static_cast<bool>(identity.recall(token, identity.hash_of(token), kNow));
  }
  CoreIdentity identity;
};

const std::string kPayload =
    R"({"iss":"https://a.example","sub":"alice","aud":"api","exp":1700000300,"iat":1700000000})";

TEST(CoreIdentity, WhatWasRefusedIsLookedAtAnewWhenKeysChange) {  // T85
  Core core;
  const std::string token = test::make_token(kPayload);
  core.identity.install(sources_of(SigningKey::other_rsa()), kNow);
  EXPECT_EQ(core.verify(token), Verdict::refused);
  EXPECT_EQ(core.verify(token), Verdict::remembered);
  core.identity.install(sources_of(SigningKey::rsa()), kNow);
  EXPECT_EQ(core.verify(token), Verdict::good);
  EXPECT_TRUE(core.recalls(token));
}

TEST(CoreIdentity, WhatWasGoodEndsWithItsKey) {  // T82
  Core core;
  const std::string token = test::make_token(kPayload);
  core.identity.install(sources_of(SigningKey::rsa()), kNow);
  ASSERT_EQ(core.verify(token), Verdict::good);
  core.identity.install(sources_of(SigningKey::rsa()), kNow);
  EXPECT_TRUE(core.recalls(token));  // the same keys once more
  core.identity.install(sources_of(SigningKey::other_rsa()), kNow);
  EXPECT_FALSE(core.recalls(token));
  EXPECT_EQ(core.verify(token), Verdict::refused);
  core.identity.install(sources_of(SigningKey::rsa()), kNow);
  EXPECT_FALSE(core.recalls(token));  // what has gone is not remembered
}

TEST(CoreIdentity, AnotherConfigBelievesNothingOfTheOld) {
  Core core;
  const std::string token = test::make_token(kPayload);
  core.identity.install(sources_of(SigningKey::rsa(), 1), kNow);
  ASSERT_EQ(core.verify(token), Verdict::good);
  core.identity.install(sources_of(SigningKey::rsa(), 2), kNow);
  EXPECT_FALSE(core.recalls(token));
}

TEST(CoreIdentity, ATwinIsAnotherToken) {  // T85: the same header and claims
  Core core;
  core.identity.install(sources_of(SigningKey::rsa()), kNow);
  const std::string good = test::make_token(kPayload);
  const std::string start = good.substr(0, good.rfind('.') + 1);
  const std::string forged = start + std::string(good.size() - start.size(), 'A');
  EXPECT_EQ(core.verify(forged), Verdict::refused);
  EXPECT_EQ(core.verify(good), Verdict::good);
  EXPECT_EQ(core.verify(forged), Verdict::remembered);
  EXPECT_FALSE(core.recalls(forged));
}

TEST(CoreIdentity, ChecksSignaturesAsOftenAsItsBudgetAllows) {
  Core core;
  core.identity.install(sources_of(SigningKey::rsa()), kNow);
  const std::string good = test::make_token(kPayload);
  const std::string start = good.substr(0, good.rfind('.') + 1);
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string forged = start + std::string(good.size() - start.size(), 'A');
    forged.replace(start.size(), 4, std::to_string(1000 + i));
    refused += core.verify(forged) == Verdict::refused;
  }
  EXPECT_EQ(refused, 50);
  EXPECT_EQ(core.verify(good), Verdict::over_budget);  // of this client; others are not in it
  const CoreIdentity::Moment later{kNow, kMoment.steady_ms + 1000};
  EXPECT_EQ(core.identity.verify(good, core.identity.hash_of(good), {}, later).verdict, Verdict::good);
}

}  // namespace
}  // namespace postern::identity
