// No credential of a query reaches a log; everything else does.
#include "accesslog/redact.h"

#include <gtest/gtest.h>

namespace postern::accesslog {
namespace {

std::string redacted(std::string_view uri) {
  std::string out;
  append_redacted(out, uri);
  return out;
}

TEST(Redact, MasksSecretValuesOnly) {
  EXPECT_EQ(redacted("/cb?code=abc&state=xyz"), "/cb?code=***&state=xyz");
  EXPECT_EQ(redacted("/v1?a=1&access_token=t.o.k&b=2&api_key=k"), "/v1?a=1&access_token=***&b=2&api_key=***");
  EXPECT_EQ(redacted("/v1?token="), "/v1?token=***");
  EXPECT_EQ(redacted("/v1?token"), "/v1?token");
  EXPECT_EQ(redacted("/v1?tokens=5&monkey=1"), "/v1?tokens=5&monkey=1");
  EXPECT_EQ(redacted("/code=1/key=2"), "/code=1/key=2") << "paths hold no queries";
}

TEST(Redact, EveryKeyOfTheList) {
  for (const char* key : {"access_token", "token", "id_token", "code", "api_key", "apikey", "key", "password", "secret",
                          "sig", "signature", "refresh_token", "client_secret", "X-Amz-Signature", "SAMLResponse"}) {
    EXPECT_EQ(redacted(std::string("/?x=1&") + key + "=s3cr3t"), std::string("/?x=1&") + key + "=***");
  }
}

TEST(Redact, SeesThroughDisguises) {
  EXPECT_EQ(redacted("/?Access_Token=s"), "/?Access_Token=***");
  EXPECT_EQ(redacted("/?%74oken=s"), "/?%74oken=***");
  EXPECT_EQ(redacted("/?token[]=s&token%5B0%5D=t"), "/?token[]=***&token%5B0%5D=***");
  EXPECT_EQ(redacted("/?a=1;token=s"), "/?a=1;token=***");
  EXPECT_EQ(redacted("/?a=1?token=s"), "/?a=1?token=***");
  EXPECT_EQ(redacted("/?password=a;b?c=d&e=f"), "/?password=***&e=f") << "to the next '&'";
  EXPECT_EQ(redacted("/?token==s&x=1"), "/?token=***&x=1");
}

TEST(Redact, FragmentsAndUserinfo) {
  EXPECT_EQ(redacted("https://app/cb#access_token=s&x=1"), "https://app/cb#access_token=***&x=1");
  EXPECT_EQ(redacted("https://joe:pw@host/p?x=1"), "https://***@host/p?x=1");
  EXPECT_EQ(redacted("https://joe:p@w@host"), "https://***@host");
  EXPECT_EQ(redacted("/login?next=https://joe@host/"), "/login?next=https://joe@host/");
}

TEST(Redact, OddEndings) {
  EXPECT_EQ(redacted(""), "");
  EXPECT_EQ(redacted("?"), "?");
  EXPECT_EQ(redacted("/?&&;=&token"), "/?&&;=&token");
  EXPECT_EQ(redacted("/?tok%"), "/?tok%");
  EXPECT_EQ(redacted("/?%zztoken=1"), "/?%zztoken=1");
}

}  // namespace
}  // namespace postern::accesslog
