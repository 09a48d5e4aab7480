#include "identity/revocation_table.h"

#include <gtest/gtest.h>

#include "identity/revocation_bus.h"
#include "unit/base/count_allocations.h"

namespace postern::identity {
namespace {

constexpr std::int64_t kNow = 1000;

Principal ann(std::int64_t issued_at = 900) {
  Principal who;
  who.issuer_name = "corp";
  who.subject = "ann";
  who.session_id = "s1";
  who.credential_id = "j1";
  who.client_id = "app";
  who.issued_at = issued_at;
  return who;
}

Revocation of(RevokedKind kind, std::string value, std::int64_t not_before = kNow) {
  return {"corp", kind, std::move(value), not_before, 5000};
}

RevocationTable table(std::size_t most = 64) { return RevocationTable(HashSeed(1, 2, 3, 4), most); }

TEST(RevocationTable, KnowsEachKind) {
  for (const auto& [kind, value] : {std::pair{RevokedKind::session, "s1"},
                                    {RevokedKind::subject, "ann"},
                                    {RevokedKind::token, "j1"},
                                    {RevokedKind::client, "app"},
                                    {RevokedKind::all, ""}}) {
    RevocationTable revoked = table();
    EXPECT_FALSE(revoked.is_revoked(ann(), kNow));
    const std::uint64_t before = revoked.epoch();
    revoked.apply(of(kind, value), kNow);
    EXPECT_GT(revoked.epoch(), before);
    EXPECT_TRUE(revoked.is_revoked(ann(), kNow));
    Principal other = ann();
    other.issuer_name = "partner";
    EXPECT_FALSE(revoked.is_revoked(other, kNow));
  }
}

TEST(RevocationTable, AValueOfOneKindIsNotOfAnother) {
  RevocationTable revoked = table();
  revoked.apply(of(RevokedKind::session, "ann"), kNow);
  revoked.apply(of(RevokedKind::subject, "s1"), kNow);
  revoked.apply(of(RevokedKind::client, ""), kNow);
  EXPECT_FALSE(revoked.is_revoked(ann(), kNow));
  Principal nameless = ann();
  nameless.client_id.clear();
  EXPECT_FALSE(revoked.is_revoked(nameless, kNow));
}

TEST(RevocationTable, WhatIsIssuedLaterIsGood) {
  RevocationTable revoked = table();
  revoked.apply(of(RevokedKind::subject, "ann"), kNow);
  EXPECT_TRUE(revoked.is_revoked(ann(kNow), kNow));  // of the same second: who knows
  EXPECT_FALSE(revoked.is_revoked(ann(kNow + 1), kNow));
  EXPECT_TRUE(revoked.is_revoked(ann(0), kNow));  // does not say when
}

TEST(RevocationTable, ARevokedTokenIsRevokedWheneverItWasIssued) {
  RevocationTable revoked = table();
  revoked.apply(of(RevokedKind::token, "j1", 0), kNow);
  EXPECT_TRUE(revoked.is_revoked(ann(kNow + 5), kNow));
}

TEST(RevocationTable, ForgetsWhenTheLastTokenHasExpired) {
  RevocationTable revoked = table();
  revoked.apply(of(RevokedKind::subject, "ann"), kNow);
  revoked.apply(of(RevokedKind::all, ""), kNow);
  EXPECT_TRUE(revoked.is_revoked(ann(), 4999));
  EXPECT_FALSE(revoked.is_revoked(ann(), 5000));
  revoked.apply(Revocation{"corp", RevokedKind::subject, "bob", 0, kNow}, kNow);
  EXPECT_EQ(revoked.size(), 1u);
}

TEST(RevocationTable, AShorterRevocationDoesNotShortenALongerOne) {
  RevocationTable revoked = table();
  revoked.apply(of(RevokedKind::subject, "ann"), kNow);
  revoked.apply(Revocation{"corp", RevokedKind::subject, "ann", 10, 1500}, kNow);
  EXPECT_TRUE(revoked.is_revoked(ann(), 2000));
  EXPECT_EQ(revoked.size(), 1u);
}

TEST(RevocationTable, MakesRoomByForgettingWhatHasPassed) {
  RevocationTable revoked = table(64);
  for (int i = 0; i < 63; ++i) {
    revoked.apply(Revocation{"corp", RevokedKind::subject, std::to_string(i), kNow, 1100}, kNow);
  }
  revoked.apply(of(RevokedKind::subject, "ann"), kNow);
  revoked.apply(Revocation{"corp", RevokedKind::subject, "new", 1200, 5000}, 1200);
  EXPECT_EQ(revoked.size(), 2u);
  EXPECT_EQ(revoked.counters().overflows, 0u);
  EXPECT_TRUE(revoked.is_revoked(ann(), 1200));
}

TEST(RevocationTable, OverflowRefusesTheIssuerWithMostAndForgetsNobody) {
  RevocationTable revoked = table(64);
  revoked.apply(Revocation{"partner", RevokedKind::subject, "pat", kNow, 5000}, kNow);
  for (int i = 0; i < 200; ++i) revoked.apply(of(RevokedKind::subject, "u" + std::to_string(i)), kNow + 1);
  EXPECT_GT(revoked.counters().overflows, 0u);
  EXPECT_LE(revoked.size(), 64u);
  EXPECT_TRUE(revoked.is_revoked(ann(), kNow + 1));  // never named, and refused all the same
  EXPECT_FALSE(revoked.is_revoked(ann(kNow + 2), kNow + 2));
  for (int i = 0; i < 200; ++i) {
    Principal who = ann();
    who.subject = "u" + std::to_string(i);
    EXPECT_TRUE(revoked.is_revoked(who, kNow + 1));
  }
  Principal pat = ann();
  pat.issuer_name = "partner";
  EXPECT_FALSE(revoked.is_revoked(pat, kNow + 1));
  pat.subject = "pat";
  EXPECT_TRUE(revoked.is_revoked(pat, kNow + 1));
}

TEST(RevocationTable, MoreCutIssuersThanRoomRefuseEverybody) {
  RevocationTable revoked = table();
  for (int i = 0; i < 100; ++i) {
    revoked.apply(Revocation{"i" + std::to_string(i), RevokedKind::all, "", kNow, 5000}, kNow);
  }
  EXPECT_TRUE(revoked.is_revoked(ann(), kNow));
  EXPECT_FALSE(revoked.is_revoked(ann(kNow + 1), kNow));
}

TEST(RevocationTable, AskingAllocatesNothing) {
  RevocationTable revoked = table();
  revoked.apply(of(RevokedKind::subject, "bob"), kNow);
  const Principal who = ann();
  test::start_counting_allocations();
  const bool answer = revoked.is_revoked(who, kNow);
  EXPECT_EQ(test::stop_counting_allocations(), 0u);
  EXPECT_FALSE(answer);
}

TEST(RevocationBus, GivesEachOutOnceAndAllToThoseWhoComeLater) {
  RevocationBus bus;
  EXPECT_EQ(bus.take(), nullptr);
  bus.add(of(RevokedKind::subject, "ann"), kNow);
  bus.add(Revocation{"corp", RevokedKind::subject, "bob", kNow, 1500}, kNow);
  bus.add(Revocation{"corp", RevokedKind::subject, "passed", 5, 10}, kNow);
  const RevocationBatch batch = bus.take();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->size(), 2u);
  EXPECT_EQ(bus.take(), nullptr);
  EXPECT_EQ(bus.everything(kNow)->size(), 2u);
  EXPECT_EQ(bus.everything(2000)->size(), 1u);
}

TEST(RevocationBus, IsBoundedAndForgetsNobody) {
  RevocationBus bus(10);
  bus.add(Revocation{"partner", RevokedKind::subject, "pat", kNow, 5000}, kNow);
  for (int i = 0; i < 100; ++i) bus.add(of(RevokedKind::subject, "u" + std::to_string(i)), kNow);
  EXPECT_LE(bus.size(), 11u);
  RevocationTable late = table();
  late.apply(bus.everything(kNow), kNow);
  Principal who = ann();
  who.subject = "u3";
  EXPECT_TRUE(late.is_revoked(who, kNow));
  who.issuer_name = "partner";
  who.subject = "pat";
  EXPECT_TRUE(late.is_revoked(who, kNow));
}

}  // namespace
}  // namespace postern::identity
