// What the language takes and what it refuses, each mistake with its place.
#include <fmt/format.h>

#include "policy/kinds.h"
#include "unit/policy/support.h"

namespace postern::policy {
namespace {

TEST(PolicyLanguage, TakesEveryFormOfTest) {
  for (const char* good : {
           R"(subject == "ada")",
           R"(subject != 'ada')",
           R"(subject in ["ada", "bob",])",
           R"(subject not in ["ada"])",
           R"(subject exists)",
           R"(email.domain == "corp.com" and not (groups has "contractors" or roles has_any ["guest"]))",
           R"(scopes has_all ["a", "b"])",
           R"(groups starts_with "team-")",
           R"(path starts_with ["/v1/", "/v2/"])",
           R"(path matches "/v1/models/[a-z0-9]+(:predict)?")",
           R"(claims.org.teams has "red")",
           R"(claims."https://example.com/roles" has "x" and claims.cognito:groups has "y" and claims.x-team == 'z')",
           R"(claims.level >= 3 and claims.level in [3, 4.5, -1])",
           R"(claims.vip == true)",
           R"(client in ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"])",
           R"(auth_age < 15m and auth_age <= "1h")",
           R"(time between "08:00" and "18:00")",
           R"(time between "22:00" and "06:00" on ["mon-fri", "sun"] zone "+01:00" and method == "GET")",
           R"(time on ["sat"] zone "UTC")",
           R"(path.team == subject or groups has path.team)",
           R"(credential in ["jwt", "api_key"])",
           R"(policy("authenticated"))",
           "not not true",
           "((((true))))",
           "method == \"GET\"\n  and true",
       }) {
    const std::vector<Problem> problems = problems_of(good);
    EXPECT_TRUE(problems.empty()) << good << ": " << problems.front().message << " " << problems.front().expected;
  }
}

struct Mistake {
  const char* expression;
  const char* message;
  const char* nearest = "";
};

TEST(PolicyLanguage, SaysWhatIsWrongAndWhere) {
  for (const Mistake& mistake : std::initializer_list<Mistake>{
           {"", "at character 1: an empty expression"},
           {"   ", "at character 1: an empty expression"},
           {R"(grups has "ml")", "at character 1: unknown fact \"grups\"", "groups"},
           {R"(method == "GET" and emial == "a@b")", "at character 21: unknown fact \"emial\"", "email"},
           {R"(claims == "x")", "at character 1: \"claims\" alone is no fact"},
           {R"(groups == "ml")", "at character 8: groups is a list, which \"==\" does not go with"},
           {R"(subject has "ada")", "at character 9: subject is a text, which \"has\" does not go with"},
           {R"(subject < 3)", "at character 9: subject is a text, which \"<\" does not go with"},
           {R"(subject == 3)", "at character 12: subject is a text"},
           {R"(subject startswith "a")", "at character 9: \"startswith\" is no operator", "starts_with"},
           {R"(subject = "a")", "at character 9: \"=\" is no operator", "=="},
           {R"(true && false)", "at character 6: \"&&\" is no operator", "and"},
           {R"(true || false)", "at character 6: \"||\" is no operator", "or"},
           {R"(!true)", "at character 1: \"!\" is no operator", "not"},
           {R"(subject == "")", "at character 12: an empty text, which nothing equals"},
           {R"(groups has "")", "at character 12: an empty text, which nothing equals"},
           {R"(groups has_any [])", "at character 17: an empty list, which nothing is in"},
           {R"(groups has_any "ml")", "at character 16: a list follows \"has_any\""},
           {R"(groups has ["ml"])", "at character 12: one value should stand here, not a list"},
           {R"(groups has_any ["ml")", "at character 21: a list without its closing \"]\""},
           {R"(subject == "ada)", "at character 12: a text without its closing quote"},
           {R"(subject ==)", "at character 11: a value should stand here"},
           {R"(subject)", "at character 8: an operator is missing"},
           {R"((true)", "at character 6: the end instead of \")\""},
           {R"(true false)", "at character 6: \"false\" where the expression could end"},
           {R"(and true)", "at character 1: \"and\" where a fact should stand"},
           {R"(true and)", "at character 9: the end where a fact should stand"},
           {R"("ada" == subject)", "at character 1: a text where a fact should stand"},
           {R"(path matches "(")", "at character 14: not a regular expression: missing ): ("},
           {R"(path matches "(a{1000}){1000}")", "at character 14: not a regular expression"},
           {R"(client in ["10.0.0.0/33"])", "at character 12: no address or network"},
           {R"(client == "::ffff:10.0.0.1")", "at character 11: IPv4 in IPv6 is compared as IPv4"},
           {R"(auth_age < 15)", "at character 12: no duration"},
           {R"(auth_age == 15m)", "at character 10: auth_age is a duration, which \"==\" does not go with"},
           {R"(claims.level > 15m)", "at character 16: no number"},
           {R"(claims.level in [1, "a"])", "at character 21: no number"},
           {R"(claims.level starts_with 1)", "at character 26: texts follow here"},
           {R"(claims.level > 1x)", "at character 16: \"1x\" is neither a number nor a duration"},
           {R"(time > "08:00")", "at character 6: a time is missing"},
           {R"(time between "8:00" and "18:00")", "at character 14: no time of day: \"8:00\""},
           {R"(time between "08:00" and "24:01")", "at character 26: no time of day: \"24:01\""},
           {R"(time between "08:00" and "08:00")", "at character 26: the same time of day twice"},
           {R"(time on ["mo"])", "at character 10: no weekday \"mo\""},
           {R"(time on ["mon"] zone "Europe/Berlin")", "at character 22: no offset from UTC: \"Europe/Berlin\""},
           {R"(policy("q"))", "at character 8: no policy named \"q\""},
           {R"(policy("authentcated"))", "at character 8: no policy named \"authentcated\"", "authenticated"},
           {R"(policy(p))", "at character 8: \"p\" instead of a policy's name in quotes"},
           {R"(policy("p"))", "policy \"p\" refers to itself, by this rule in the end"},
           {R"(method == "post")", "at character 11: methods are written in capitals"},
           {R"(path starts_with "admin")", "at character 18: paths begin with \"/\""},
           {R"(path == "/a%20b")", "at character 9: path is compared as decoded, without escapes"},
           {R"(model == "a%2Fb")", "at character 10: model is compared as decoded, without escapes"},
           {R"(host == "a.example.com:443")", "at character 9: hosts are compared without their port"},
           {R"(email == "corp.com")", "at character 10: an address with one \"@\" is meant"},
           {R"(email.domain == "@corp.com")", "at character 17: what follows the \"@\" is meant"},
           {R"(credential == "jtw")", "at character 15: credential is never \"jtw\"", "jwt"},
           {R"(groups has_any groups)", "at character 16: \"has_any\" takes no other fact"},
           {R"(subject == groups)", "at character 12: a text cannot be compared with a list"},
           {R"(client == subject)", "at character 11: an address cannot be compared with a text"},
           {"true and\n  grups has 'a'", "at line 2, character 3: unknown fact \"grups\"", "groups"},
           {"subject == '\xC3\xA9' and x == 'a'", "at character 20: unknown fact \"x\""},
           {"subject == 'a\x01'", "at character 14: a control character in a text"},
           {"subject == '\xFF'", "at character 1: not UTF-8"},
           {"claims. == 'a'", "at character 8: a name ends with a dot"},
           {"a\x80", "at character 1: not UTF-8"},
           {"subject ~ 'a'", "at character 9: \"~\" has no meaning here"},
       }) {
    const std::vector<Problem> problems = problems_of(mistake.expression);
    ASSERT_EQ(problems.size(), 1u) << mistake.expression;
    EXPECT_EQ(problems[0].key, "policy[0].allow[0]");
    EXPECT_TRUE(problems[0].message.starts_with(mistake.message))
        << mistake.expression << ": " << problems[0].message << "\n  not " << mistake.message;
    EXPECT_EQ(problems[0].nearest, mistake.nearest) << mistake.expression;
  }
}

TEST(PolicyLanguage, BoundsWhatItTakes) {
  std::string deep = "true";
  for (int i = 0; i < 31; ++i) deep = "(" + deep + ")";
  EXPECT_TRUE(problems_of(deep).empty());
  EXPECT_FALSE(problems_of("((" + deep + "))").empty());
  std::string nots;
  for (int i = 0; i < 100'000; ++i) nots += "not ";
  EXPECT_FALSE(problems_of(nots + "true").empty());
  std::string many = "subject == 'a'";
  for (int i = 0; i < 1000; ++i) many += " or method == 'B'";
  EXPECT_EQ(problems_of(many).at(0).message.substr(0, 13), "at character ");
  EXPECT_FALSE(problems_of("subject == '" + std::string(5000, 'a') + "'").empty());
  EXPECT_FALSE(problems_of("path matches '" + std::string(1025, 'a') + "'").empty());
}

TEST(PolicyLanguage, KnowsTheNamesOfTheConfig) {
  CompileOptions options;
  options.path_variables = std::vector<std::string>{"model", "team"};
  options.listeners = std::vector<std::string>{"public", "internal"};
  options.routes = std::vector<std::string>{"predict"};
  for (const char* good :
       {"path.model == 'a'", "listener == 'public'", "route in ['predict']", "route starts_with 'x'"})
    EXPECT_TRUE(problems_of(good, options).empty()) << good;
  const std::vector<Mistake> mistakes{
      {"path.modle == 'a'", "at character 1: no route's path has a variable \"modle\"", "model"},
      {"listener == 'pulic'", "at character 13: listener is never \"pulic\"", "public"},
      {"route in ['predikt']", "at character 11: route is never \"predikt\"", "predict"}};
  for (const Mistake& mistake : mistakes) {
    const auto problems = problems_of(mistake.expression, options);
    ASSERT_EQ(problems.size(), 1u) << mistake.expression;
    EXPECT_EQ(problems[0].message, mistake.message);
    EXPECT_EQ(problems[0].nearest, mistake.nearest);
  }
}

TEST(PolicyLanguage, FindsCyclesAndExplosions) {
  std::vector<Problem> problems;
  const std::vector<config::Policy> cycle{{.name = "a", .deny = {}, .allow = {"policy('b')"}},
                                          {.name = "b", .deny = {"not policy('c')"}, .allow = {"true"}},
                                          {.name = "c", .deny = {}, .allow = {"true and policy('a')"}}};
  EXPECT_EQ(PolicySet::compile(cycle, {}, problems), nullptr);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].key, "policy[2].allow[0]");

  // Each of eight names the next one twelve times: 12^8 tests.
  std::vector<config::Policy> tower;
  for (int i = 0; i < 8; ++i) {
    std::string rule = "method == 'A'";
    for (int k = 0; i < 7 && k < 12; ++k) rule += fmt::format(" or policy('p{}')", i + 1);
    tower.push_back({.name = fmt::format("p{}", i), .deny = {}, .allow = {rule}});
  }
  problems.clear();
  EXPECT_EQ(PolicySet::compile(tower, {}, problems), nullptr);
  ASSERT_FALSE(problems.empty());
  EXPECT_NE(problems[0].message.find("more than 20000 tests"), std::string::npos) << problems[0].message;

  std::vector<config::Policy> chain;
  for (int i = 0; i < 2'000; ++i)
    chain.push_back({.name = fmt::format("p{}", i), .deny = {}, .allow = {fmt::format("policy('p{}')", i + 1)}});
  chain.back().allow = {"true"};
  problems.clear();
  EXPECT_EQ(PolicySet::compile(chain, {}, problems), nullptr);
  EXPECT_FALSE(problems.empty());
}

TEST(PolicyLanguage, ReportsEveryRulesMistake) {
  const std::vector<config::Policy> policies{{.name = "a", .deny = {"x", "true"}, .allow = {"true", "y == 'a'"}},
                                             {.name = "b", .deny = {}, .allow = {"("}}};
  std::vector<Problem> problems;
  EXPECT_EQ(PolicySet::compile(policies, {}, problems), nullptr);
  std::vector<std::string> keys;
  for (const Problem& problem : problems) keys.push_back(problem.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"policy[0].deny[0]", "policy[0].allow[1]", "policy[1].allow[0]"}));
}

// Whatever a fact is: documented, readable where nobody and nothing is known, and found by its own name.
TEST(PolicyFacts, AreWhatTheTableNeeds) {
  EXPECT_GE(kinds().size(), 22u);
  for (const FactKind* kind : kinds()) {
    EXPECT_FALSE(kind->doc.empty()) << kind->name;
    EXPECT_TRUE(kind->doc.ends_with('.')) << kind->name;
    ASSERT_NE(kind->read, nullptr) << kind->name;
    std::string_view parameter;
    const std::string written = kind->parameter.empty() ? std::string(kind->name) : std::string(kind->name) + ".x.y";
    EXPECT_EQ(find_kind(written, parameter), kind) << written;
    EXPECT_EQ(parameter, kind->parameter.empty() ? "" : "x.y");
    FactValue value;
    kind->read(PolicyInput{}, parameter, value);
    EXPECT_EQ(value.known, kind->name == "credential") << kind->name;
  }
}

}  // namespace
}  // namespace postern::policy
