#include "cli/apikey_command.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "identity/api_key_set.h"
#include "unit/net/tls_test_support.h"

namespace postern::cli {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

using Action = int (*)(const ApiKeyRequest&, std::int64_t, std::ostream&, std::ostream&);

Ran run(Action action, const ApiKeyRequest& request, std::int64_t now = kNow) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = action(request, now, out, err);
  return {code, out.str(), err.str()};
}

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

ApiKeyRequest wish(const std::string& file) {
  ApiKeyRequest request;
  request.file = file;
  request.name = "nightly";
  request.subject = "ci";
  request.expires = "90d";
  request.scopes = {"predict"};
  return request;
}

struct ApiKeyCommand : testing::Test {
  std::string create() {
    const Ran made = run(apikey_create, wish(file));
    EXPECT_EQ(made.code, 0) << made.err;
    return made.out.substr(0, made.out.size() - 1);
  }
  identity::ApiKeyVerdict verdict(const std::string& key, std::int64_t now = kNow) const {
    const auto keys = identity::ApiKeySet::load(file);
    EXPECT_TRUE(keys) << keys.error;
    return (*keys.value)->check(key, now).verdict;
  }

  const test::TempDir dir;
  const std::string file = dir.path("keys.jsonl");
};

TEST_F(ApiKeyCommand, MakesAKeyThatIsGoodAndPrintsItOnce) {
  const std::string key = create();
  EXPECT_EQ(verdict(key), identity::ApiKeyVerdict::good);
  EXPECT_EQ(verdict(key, kNow + 90 * 86'400), identity::ApiKeyVerdict::expired);
  const std::string kid = key.substr(4, 12);
  ApiKeyRequest request = wish(file);
  request.kid = kid;
  for (const std::string& text : {text_of(file), run(apikey_list, request).out, run(apikey_show, request).out}) {
    EXPECT_NE(text.find(kid), std::string::npos) << text;
    EXPECT_EQ(text.find(key.substr(17, 43)), std::string::npos);
  }
  EXPECT_NE(run(apikey_show, request).out.find("scopes   predict"), std::string::npos);
}

TEST_F(ApiKeyCommand, TheFileIsItsOwnersAlone) {
  create();
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  create();
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(ApiKeyCommand, RevokesForGood) {
  const std::string key = create();
  const std::string other = create();
  ApiKeyRequest request = wish(file);
  request.kid = key.substr(4, 12);
  EXPECT_EQ(run(apikey_revoke, request).code, 0);
  EXPECT_EQ(run(apikey_revoke, request, kNow + 5).code, 0);  // again: nothing new
  EXPECT_EQ(verdict(key), identity::ApiKeyVerdict::revoked);
  EXPECT_EQ(verdict(other), identity::ApiKeyVerdict::good);
  EXPECT_NE(run(apikey_show, request).out.find("revoked  2027-01-15T08:00:00Z"), std::string::npos)
      << run(apikey_show, request).out;
  EXPECT_NE(run(apikey_list, request).out.find("revoked"), std::string::npos);
}

TEST_F(ApiKeyCommand, SaysWhatItMinds) {
  ApiKeyRequest request = wish(file);
  request.kid = "0123456789AB";
  EXPECT_EQ(run(apikey_list, request).code, 1);
  EXPECT_EQ(run(apikey_revoke, request).code, 1);
  for (const char* bad : {"", "90", "0s", "forever", "99999d"}) {
    request.expires = bad;
    EXPECT_EQ(run(apikey_create, request).code, 1) << bad;
  }
  request = wish(file);
  request.groups = {"a\nb"};
  EXPECT_EQ(run(apikey_create, request).code, 1);
  EXPECT_FALSE(std::ifstream(file).good());
  create();
  request = wish(file);
  request.kid = "0123456789AB";
  EXPECT_EQ(run(apikey_show, request).code, 1);
  EXPECT_EQ(run(apikey_revoke, request).err, "apikey: no key 0123456789AB in the file\n");
}

TEST_F(ApiKeyCommand, ABrokenFileIsLeftAlone) {
  dir.write("keys.jsonl", "junk\n");
  const Ran made = run(apikey_create, wish(file));
  EXPECT_EQ(made.code, 1);
  EXPECT_EQ(made.out, "");
  EXPECT_NE(made.err.find("line 1"), std::string::npos) << made.err;
  EXPECT_EQ(text_of(file), "junk\n");
}

TEST_F(ApiKeyCommand, WritersDoNotLoseEachOthersKeys) {
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([this] {
      for (int n = 0; n < 5; ++n) create();
    });
  }
  for (std::thread& writer : writers) writer.join();
  const auto keys = identity::ApiKeySet::load(file);
  ASSERT_TRUE(keys) << keys.error;
  EXPECT_EQ((*keys.value)->size(), 20u);
}

}  // namespace
}  // namespace postern::cli
