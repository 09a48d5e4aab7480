#include "identity/revocation_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace postern::identity {
namespace {

constexpr std::int64_t kNow = 1000;

class RevocationFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "revocation_file_test.XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    path_ = folder_ + "/revoked.jsonl";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string text() const {
    std::ifstream in(path_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const std::string& text) const { std::ofstream(path_) << text; }

  std::string folder_, path_;
  RevocationBus bus_;
};

Revocation of(RevokedKind kind, std::string value, std::int64_t until = 5000) {
  return {"corp", kind, std::move(value), kNow, until};
}

TEST_F(RevocationFileTest, EveryKindIsReadAsItWasWritten) {
  const std::vector<Revocation> all{of(RevokedKind::session, "s1"),
                                    of(RevokedKind::subject, "a \"b\"\\ \n\u202e\u00e4"), of(RevokedKind::token, "j1"),
                                    of(RevokedKind::client, "app"), of(RevokedKind::all, "")};
  std::string text;
  for (const Revocation& one : all) text += revocation_line(one);
  const auto read = parse_revocations(text);
  ASSERT_TRUE(read) << read.error;
  EXPECT_EQ(*read.value, all);
}

TEST_F(RevocationFileTest, WhatIsAddedReachesTheBusAndTheNextProcess) {
  RevocationFile first(path_);
  EXPECT_EQ(first.refresh(bus_, kNow), "");
  EXPECT_EQ(first.add(bus_, of(RevokedKind::subject, "ann"), kNow), "");
  ASSERT_NE(bus_.take(), nullptr);
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  RevocationBus later;
  EXPECT_EQ(RevocationFile(path_).refresh(later, kNow), "");
  const RevocationBatch batch = later.take();
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->front(), of(RevokedKind::subject, "ann"));
}

TEST_F(RevocationFileTest, FollowsAnotherProcessAndSaysNothingTwice) {
  RevocationFile mine(path_), its(path_);
  RevocationBus other;
  EXPECT_EQ(mine.add(bus_, of(RevokedKind::token, "j1"), kNow), "");
  EXPECT_EQ(bus_.take()->size(), 1u);
  EXPECT_EQ(its.add(other, of(RevokedKind::token, "j2"), kNow), "");
  EXPECT_EQ(other.take()->size(), 2u);
  EXPECT_EQ(mine.refresh(bus_, kNow), "");
  const RevocationBatch batch = bus_.take();
  ASSERT_NE(batch, nullptr);
  ASSERT_EQ(batch->size(), 1u);
  EXPECT_EQ(batch->front().value, "j2");
  EXPECT_EQ(mine.refresh(bus_, kNow), "");
  EXPECT_EQ(bus_.take(), nullptr);
}

TEST_F(RevocationFileTest, ForgetsWhatHasPassed) {
  RevocationFile file(path_);
  EXPECT_EQ(file.add(bus_, of(RevokedKind::token, "short", kNow + 10), kNow), "");
  EXPECT_EQ(file.add(bus_, of(RevokedKind::token, "long"), kNow + 10), "");
  EXPECT_EQ(text().find("short"), std::string::npos);
  EXPECT_NE(text().find("long"), std::string::npos);
}

TEST_F(RevocationFileTest, WhatIsNotUnderstoodIsAnErrorAndStays) {
  const std::string good = revocation_line(of(RevokedKind::token, "j1"));
  for (const char* bad :
       {"{", "[]", "{\"issuer\": \"corp\"}", "null",
        R"({"issuer": "corp", "kind": "tokens", "value": "j", "not_before": 1, "until": 2})",
        R"({"issuer": "", "kind": "token", "value": "j", "not_before": 1, "until": 2})",
        R"({"issuer": "corp", "kind": "token", "not_before": 1, "until": 2})",
        R"({"issuer": "corp", "kind": "all", "value": "j", "not_before": 1, "until": 2})",
        R"({"issuer": "corp", "kind": "token", "value": "j", "value": "k", "not_before": 1, "until": 2})",
        R"({"issuer": "corp", "kind": "token", "value": "j", "not_before": -1, "until": 2})",
        R"({"issuer": "corp", "kind": "token", "value": "j", "not_before": 1, "un)"}) {
    put(good + bad + "\n" + good);
    RevocationFile file(path_);
    EXPECT_NE(file.refresh(bus_, kNow).find("line 2"), std::string::npos) << bad;
    EXPECT_EQ(bus_.take(), nullptr) << bad;
    const std::string before = text();
    EXPECT_NE(file.add(bus_, of(RevokedKind::token, "j9"), kNow), "") << bad;
    EXPECT_EQ(text(), before) << bad;
    ASSERT_NE(bus_.take(), nullptr) << "it counts until the process ends";
  }
}

TEST_F(RevocationFileTest, CountsWithoutTheDiskToo) {
  RevocationFile file(folder_ + "/nowhere/revoked.jsonl");
  EXPECT_NE(file.add(bus_, of(RevokedKind::token, "j1"), kNow), "");
  ASSERT_NE(bus_.take(), nullptr);
}

}  // namespace
}  // namespace postern::identity
