#include "identity/token_cache.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>

#include "unit/base/count_allocations.h"
#include "unit/identity/token_cache_support.h"

namespace postern::identity {
namespace {

using test::CacheFixture;

TEST(TokenCache, ReturnsWhoWasVerified) {
  CacheFixture f;
  const std::string token = CacheFixture::token(1);
  EXPECT_FALSE(f.knows(token));
  f.insert(token, "ann");
  const PrincipalPin who = f.find(token);
  ASSERT_TRUE(who);
  EXPECT_EQ(who->subject, "ann");
  EXPECT_EQ(f.cache.counters().hits, 1u);
  EXPECT_EQ(f.cache.counters().misses, 1u);
}

TEST(TokenCache, EveryByteOfTheTokenCounts) {
  CacheFixture f;
  const std::string token = CacheFixture::token(1);
  f.insert(token);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(f.knows(other)) << i;
  }
  EXPECT_FALSE(f.knows(token.substr(1)));
  EXPECT_FALSE(f.knows(token + "x"));
  EXPECT_FALSE(f.knows(token + '\0'));
  EXPECT_FALSE(f.knows(""));
  EXPECT_TRUE(f.knows(token));
}

// T83: the hash is only where to look.
TEST(TokenCache, ACollisionOfTheWholeHashNeverReturnsAnothersClaims) {
  CacheFixture f;
  const KeyedHash same{42, 42};
  f.cache.insert("token-of-ann", same, CacheFixture::somebody("ann"), CacheFixture::facts(), f.present());
  EXPECT_FALSE(f.cache.find("token-of-eve", same, f.present()));
  f.cache.insert("token-of-eve", same, CacheFixture::somebody("eve"), CacheFixture::facts(), f.present());
  EXPECT_EQ(f.cache.find("token-of-ann", same, f.present())->subject, "ann");
  EXPECT_EQ(f.cache.find("token-of-eve", same, f.present())->subject, "eve");
  f.cache.erase("token-of-ann", same);
  EXPECT_FALSE(f.cache.find("token-of-ann", same, f.present()));
  EXPECT_EQ(f.cache.find("token-of-eve", same, f.present())->subject, "eve");
}

// T81
TEST(TokenCache, ExpiryPassesWhileTheTokenIsCached) {
  CacheFixture f({.entries = 256, .ttl = 100'000});
  f.insert(CacheFixture::token(1));
  f.now = 5029;
  EXPECT_TRUE(f.knows(CacheFixture::token(1)));
  f.now = 5030;  // exp 5000 and 30 s of leeway
  EXPECT_FALSE(f.knows(CacheFixture::token(1)));
  EXPECT_EQ(f.cache.counters().expired, 1u);
  EXPECT_EQ(f.cache.size(), 0u);
  f.now = 1000;
  EXPECT_FALSE(f.knows(CacheFixture::token(1)));
}

TEST(TokenCache, IsNotGoodBeforeItsTime) {
  CacheFixture f;
  TokenFacts facts = CacheFixture::facts();
  facts.good_from = 990;
  f.insert(CacheFixture::token(1), "ann", facts);
  EXPECT_TRUE(f.knows(CacheFixture::token(1)));
  f.now = 989;
  EXPECT_FALSE(f.knows(CacheFixture::token(1)));
}

TEST(TokenCache, IsVerifiedAgainAfterTheTtl) {
  CacheFixture f({.entries = 256, .ttl = 60});
  f.insert(CacheFixture::token(1));
  f.now = 1059;
  EXPECT_TRUE(f.knows(CacheFixture::token(1)));
  f.now = 1060;
  EXPECT_FALSE(f.knows(CacheFixture::token(1)));
}

TEST(TokenCache, AClockThatGoesBackDoesNotMakeEntriesLiveLonger) {
  CacheFixture f({.entries = 256, .ttl = 60});
  f.insert(CacheFixture::token(1));
  f.now = 900;
  EXPECT_FALSE(f.knows(CacheFixture::token(1)));
}

TEST(TokenCache, TimesAtTheEndsOfTheScaleAreNoOverflow) {
  CacheFixture f;
  TokenFacts facts = CacheFixture::facts();
  facts.good_until = std::numeric_limits<std::int64_t>::max();
  facts.good_from = std::numeric_limits<std::int64_t>::min() + 1;
  f.insert(CacheFixture::token(1), "ann", facts);
  EXPECT_TRUE(f.knows(CacheFixture::token(1)));
}

// T82
TEST(TokenCache, TokensOfAKeyThatLeavesTheSetDieAtOnce) {
  CacheFixture f;
  f.insert(CacheFixture::token(1));
  TokenFacts other = CacheFixture::facts();
  other.key = 78;
  f.insert(CacheFixture::token(2), "bob", other);
  EXPECT_TRUE(f.knows(CacheFixture::token(1)));
  const KeyId rotated[] = {78, 79};
  f.live.set(CacheFixture::kIssuer, rotated);
  EXPECT_FALSE(f.knows(CacheFixture::token(1)));
  EXPECT_TRUE(f.knows(CacheFixture::token(2)));
  EXPECT_EQ(f.cache.counters().key_gone, 1u);
}

TEST(TokenCache, AKeyOfAnotherIssuerDoesNotHelp) {
  CacheFixture f;
  f.insert(CacheFixture::token(1));
  const KeyId none[] = {KeyId{1}};
  const KeyId same[] = {CacheFixture::kKey};
  f.live.set(CacheFixture::kIssuer, none);
  f.live.set(CacheFixture::kIssuer + 1, same);
  EXPECT_FALSE(f.knows(CacheFixture::token(1)));
}

TEST(TokenCache, AKeyThatLeftDuringTheVerificationIsNoticedAtTheFirstHit) {
  CacheFixture f;
  f.live.set(CacheFixture::kIssuer, {});
  f.insert(CacheFixture::token(1));
  EXPECT_FALSE(f.knows(CacheFixture::token(1)));
}

// T84, one core's part
TEST(TokenCache, RevocationReachesTokensThatAreCached) {
  for (const auto& [kind, value] : {std::pair{RevokedKind::session, "sid-ann"},
                                    {RevokedKind::subject, "ann"},
                                    {RevokedKind::token, "jti-ann"},
                                    {RevokedKind::client, "app"},
                                    {RevokedKind::all, ""}}) {
    CacheFixture f;
    f.insert(CacheFixture::token(1));
    EXPECT_TRUE(f.knows(CacheFixture::token(1)));
    f.revoked.apply(Revocation{"corp", kind, value, 1000, 9000}, f.now);
    EXPECT_FALSE(f.knows(CacheFixture::token(1))) << value;
    EXPECT_EQ(f.cache.counters().revoked, 1u);
    EXPECT_EQ(f.cache.size(), 0u);
  }
}

TEST(TokenCache, AnotherRevocationLeavesTheTokenAlone) {
  CacheFixture f;
  f.insert(CacheFixture::token(1));
  f.revoked.apply(Revocation{"corp", RevokedKind::subject, "bob", 1000, 9000}, f.now);
  f.revoked.apply(Revocation{"other", RevokedKind::subject, "ann", 1000, 9000}, f.now);
  EXPECT_TRUE(f.knows(CacheFixture::token(1)));
  EXPECT_TRUE(f.knows(CacheFixture::token(1)));
}

TEST(TokenCache, ANewConfigDoesNotBelieveWhatTheOldOneDid) {
  CacheFixture f;
  f.insert(CacheFixture::token(1), "old");
  f.generation = 2;
  EXPECT_FALSE(f.knows(CacheFixture::token(1)));
  f.insert(CacheFixture::token(1), "new");
  f.generation = 1;  // a request that has started before the reload
  EXPECT_FALSE(f.knows(CacheFixture::token(1)));
  f.insert(CacheFixture::token(1), "old");
  f.generation = 2;
  ASSERT_TRUE(f.knows(CacheFixture::token(1)));
  EXPECT_EQ(f.find(CacheFixture::token(1))->subject, "new");
}

TEST(TokenCache, ASecondVerificationReplacesTheFirst) {
  CacheFixture f;
  f.insert(CacheFixture::token(1), "ann");
  f.insert(CacheFixture::token(1), "bob");
  EXPECT_EQ(f.cache.size(), 1u);
  EXPECT_EQ(f.find(CacheFixture::token(1))->subject, "bob");
}

TEST(TokenCache, APinOutlivesItsEntry) {
  CacheFixture f;
  f.insert(CacheFixture::token(1), "ann");
  const PrincipalPin who = f.find(CacheFixture::token(1));
  f.cache.clear();
  EXPECT_EQ(f.cache.size(), 0u);
  EXPECT_EQ(f.cache.bytes(), 0u);
  EXPECT_EQ(who->subject, "ann");
}

TEST(TokenCache, AHitAllocatesNothing) {
  CacheFixture f;
  for (std::size_t i = 0; i < 100; ++i) f.insert(CacheFixture::token(i));
  const std::string token = CacheFixture::token(50);
  ASSERT_TRUE(f.knows(token));
  test::start_counting_allocations();
  for (int i = 0; i < 1000; ++i) (void)f.find(token);
  EXPECT_EQ(test::stop_counting_allocations(), 0u);
}

// Against a map that does everything the slow way.
TEST(TokenCache, NeverReturnsAnothersClaimsWhateverHappens) {
  CacheFixture f({.entries = 64, .bytes = 60'000});
  std::mt19937 random(11);
  std::uint64_t hits = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::size_t n = random() % 200;
    const std::string token = CacheFixture::token(n);
    switch (random() % 8) {
      case 0:
        f.cache.erase(token, f.cache.hash_of(token));
        EXPECT_FALSE(f.knows(token));
        break;
      case 1:
      case 2:
        f.insert(token, std::to_string(n));
        break;
      default:
        if (const PrincipalPin who = f.find(token)) {
          ++hits;
          ASSERT_EQ(who->subject, std::to_string(n));
        }
    }
    ASSERT_LE(f.cache.size(), 64u);
    ASSERT_LE(f.cache.bytes(), 60'000u);
  }
  EXPECT_GT(hits, 1000u);
}

}  // namespace
}  // namespace postern::identity
