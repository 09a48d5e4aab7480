// Rows T23, T24, T27 and T34 of the published holes: one credential, by one grammar, out of whatever carries it; and
// nothing of it is left for the upstream.
#include "identity/presented.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace postern::identity {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

const CarrierRules kAll{.api_keys = true, .basic = true, .sagemaker = true, .token_header = "X-Token"};
constexpr const char* kSageMaker = "X-Amzn-SageMaker-Custom-Attributes";

struct Seen {
  Shown shown = Shown::nothing;
  Carrier carrier = Carrier::none;
  std::string text;
  std::string left;  // names and values that stay for the upstream
};

Seen look_at(const Lines& lines, const CarrierRules& rules = kAll, std::string_view query = {}) {
  http::RequestHead head;
  for (const auto& [name, value] : lines) EXPECT_TRUE(head.fields.add(name, value));
  head.query = query;
  std::vector<char> scratch(needs_scratch(head, rules) ? kScratch : 0);
  const Presented presented = find_presented(head, rules, scratch);
  Seen seen{presented.shown, presented.carrier, std::string(presented.text), {}};
  remove_presented(head.fields, presented, rules);
  for (std::size_t i = 0; i < head.fields.size(); ++i) {
    seen.left.append(head.fields[i].name).append("=").append(head.fields[i].value).append(";");
  }
  return seen;
}

Shown shown(const std::string& authorization, const CarrierRules& rules = kAll) {
  return look_at({{"Authorization", authorization}}, rules).shown;
}

TEST(Presented, OneStrictGrammar) {  // T24
  for (const char* good :
       {"Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "DPoP a.b.c", "Bearer a=", "Bearer a+/~-_="}) {
    EXPECT_EQ(shown(good), Shown::credential) << good;
  }
  for (const char* bad :
       {"Bearer", "Bearer ", "Bearer  a", "Bearer\ta", "Bearer a,b", "Bearer a b", "Bearer a, Bearer b",
        "Bearer =", "Bearer \"a\"", "Bearer a\x80", "Bearer,a", "Bearer: a", "DPoP", "Basic a,b"}) {
    EXPECT_EQ(shown(bad), Shown::broken) << bad;
  }
  // Another scheme is the application's own affair, and shows nobody: T34.
  for (const char* other : {"", "x", "Bearers a", "Bearer-a", "Bearer.a b", "Negotiate a", "token a", "a.b.c"}) {
    EXPECT_EQ(shown(other), Shown::nothing) << other;
  }
}

TEST(Presented, OneAtATime) {  // T23
  const Lines one{{"Authorization", "Bearer a"}};
  for (const auto& second : Lines{{"authorization", "Bearer a"},
                                  {"Authorization", "Basic Og=="},
                                  {"X-API-Key", "k"},
                                  {"x-token", "a"},
                                  {kSageMaker, "Bearer a"},
                                  {"AUTHORIZATION", "Other x"}}) {
    Lines both = one;
    both.push_back(second);
    EXPECT_EQ(look_at(both).shown, Shown::several) << second.first;
    EXPECT_EQ(look_at({both[1], both[0]}).shown, Shown::several) << second.first;
  }
  EXPECT_EQ(look_at({{"DPoP", "p"}, {"DPoP", "p"}, {"Authorization", "DPoP a"}}).shown, Shown::several);
  for (const char* query : {"?access_token=a", "?a=b&access_token=", "?access_token=a&b"}) {
    EXPECT_EQ(look_at(one, kAll, query).shown, Shown::several) << query;
    EXPECT_EQ(look_at({}, kAll, query).shown, Shown::nothing) << query;  // T34: no carrier of ours
  }
  EXPECT_EQ(look_at(one, kAll, "?no_access_token=a").shown, Shown::credential);
}

TEST(Presented, EveryCarrierIsTakenOut) {          // T27
  const std::string basic = "Basic dTphLmIuYw==";  // u:a.b.c
  for (const auto& [line, carrier] : std::vector<std::pair<Lines::value_type, Carrier>>{
           {{"Authorization", "Bearer a.b.c"}, Carrier::bearer},
           {{"authorization", "dpop a.b.c"}, Carrier::dpop},
           {{"Authorization", basic}, Carrier::basic},
           {{"x-api-key", "a.b.c"}, Carrier::api_key_header},
           {{"X-Token", "a.b.c"}, Carrier::token_header},
           {{"x-token", "Bearer a.b.c"}, Carrier::token_header},
           {{kSageMaker, "Bearer a.b.c"}, Carrier::sagemaker},
       }) {
    const Seen seen = look_at({{"Accept", "x"}, line, {"DPoP-Nonce", "y"}});
    EXPECT_EQ(seen.shown, Shown::credential) << line.first;
    EXPECT_EQ(seen.carrier, carrier) << line.first;
    EXPECT_EQ(seen.text, "a.b.c") << line.first;
    EXPECT_EQ(seen.left, "Accept=x;DPoP-Nonce=y;") << line.first;
  }
  EXPECT_EQ(look_at({{"Authorization", "DPoP a"}, {"dpop", "proof"}}).left, "");
}

TEST(Presented, CarriersThatAreNotAskedForAreTheApplications) {
  const CarrierRules none;
  for (const auto& line :
       Lines{{"X-API-Key", "a"}, {"X-Token", "a"}, {kSageMaker, "Bearer a"}, {"Authorization", "Basic dTphLmIuYw=="}}) {
    const Seen seen = look_at({line}, none);
    EXPECT_EQ(seen.shown, Shown::nothing) << line.first;
    EXPECT_EQ(seen.left, line.first + "=" + line.second + ";");
  }
  EXPECT_EQ(look_at({{kSageMaker, "tenant=7"}}).left, std::string(kSageMaker) + "=tenant=7;");
}

TEST(Presented, BasicIsStrictBase64WithAPassword) {
  // u:a  u:  :a  u (no colon)  -- padding that is missing, doubled or not zero; the URL's alphabet
  for (const char* good : {"dTph", "OmE=", "dTphLmI="}) {
    EXPECT_EQ(shown(std::string("Basic ") + good), Shown::credential) << good;
  }
  for (const char* bad : {"dTo=", "dQ==", "OmE", "OmE==", "OmF=", "dTp-", "dTph=", "====", "dTpa Yg=="}) {
    EXPECT_EQ(shown(std::string("Basic ") + bad), Shown::broken) << bad;
  }
  EXPECT_EQ(shown("Basic " + std::string(kScratch / 2, 'A')), Shown::broken);      // decoded: no colon
  EXPECT_EQ(shown("Basic " + std::string(kScratch / 2 + 4, 'A')), Shown::broken);  // no room
}

}  // namespace
}  // namespace postern::identity
