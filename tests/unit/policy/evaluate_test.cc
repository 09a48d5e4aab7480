// What rules say of requests and callers.
#include "unit/base/count_allocations.h"
#include "unit/policy/support.h"

namespace postern::policy {
namespace {

struct Case {
  const char* expression;
  Tri expected;
};

constexpr Tri kYes = Tri::yes;
constexpr Tri kNo = Tri::no;
constexpr Tri kUnknown = Tri::unknown;

void check(const Scene& scene, std::initializer_list<Case> cases) {
  for (const Case& c : cases)
    EXPECT_EQ(to_string(verdict(c.expression, scene.input)), to_string(c.expected)) << c.expression;
}

TEST(PolicyEvaluate, ReadsEveryFact) {
  check(Scene(), {
                     {"subject == 'ada'", kYes},
                     {"subject == 'Ada'", kNo},
                     {"subject != 'bob'", kYes},
                     {"subject in ['bob', 'ada']", kYes},
                     {"subject not in ['bob', 'ada']", kNo},
                     {"subject exists", kYes},
                     {"issuer == 'corp' and issuer.url == 'https://login.example.com'", kYes},
                     {"client_id == 'notebook'", kYes},
                     {"email == 'ada@corp.com'", kYes},
                     {"email.domain == 'CORP.com'", kYes},
                     {"email.domain ends_with 'corp.com'", kYes},
                     {"email.domain matches 'corp[.]com'", kYes},
                     {"groups has 'ml'", kYes},
                     {"groups has_any ['x', 'data']", kYes},
                     {"groups has_all ['ml', 'data']", kYes},
                     {"groups has_all ['ml', 'x']", kNo},
                     {"groups has 'data,ml'", kNo},
                     {"groups has 'm'", kNo},
                     {"groups starts_with 'da'", kYes},
                     {"groups matches 'm.'", kYes},
                     {"groups matches 'data.*ml'", kNo},
                     {"roles has 'predictor'", kYes},
                     {"scopes has 'infer'", kYes},
                     {"scopes has 'infer models:read'", kNo},
                     {"audience has 'models'", kYes},
                     {"amr has 'mfa' and acr == 'silver'", kYes},
                     {"credential == 'jwt'", kYes},
                     {"credential.id == 't-1'", kYes},
                     {"method == 'POST'", kYes},
                     {"host == 'models.example.COM'", kYes},
                     {"host ends_with '.example.com'", kYes},
                     {"path starts_with '/v1/'", kYes},
                     {"path ends_with ':predict'", kYes},
                     {"path matches '/v1/.*'", kYes},
                     {"path matches '/v1'", kNo},
                     {"path.team == 'ml' and path.model == 'resnet50'", kYes},
                     {"model in ['bert', 'resnet50']", kYes},
                     {"client == '10.1.2.3'", kYes},
                     {"client in ['192.0.2.0/24', '10.0.0.0/8']", kYes},
                     {"client not in ['10.0.0.0/8']", kNo},
                     {"listener == 'public' and route == 'predict'", kYes},
                     {"auth_age < 15m", kYes},
                     {"auth_age <= 600s and auth_age >= 10m", kYes},
                     {"auth_age > 10m or auth_age < 10m", kNo},
                     {"groups has path.team", kYes},
                     {"path.team == subject", kNo},
                     {"path.team != subject", kYes},
                 });
}

TEST(PolicyEvaluate, ReadsClaims) {
  check(Scene(), {
                     {"claims.department == 'research'", kYes},
                     {"claims.department in ['sales', 'research']", kYes},
                     {"claims.level >= 3", kYes},
                     {"claims.level > 3", kNo},
                     {"claims.level == 3", kYes},
                     {"claims.level == '3'", kYes},
                     {"claims.level in [1, 2, 3.0]", kYes},
                     {"claims.vip == true", kYes},
                     {"claims.vip == false", kNo},
                     {"claims.org.teams has 'red'", kYes},
                     {"claims.org.teams has_all ['red', 'blue']", kYes},
                     {"claims.org.teams has 'green'", kNo},
                     {"claims.org exists", kNo},
                     {"claims.org.teams exists", kYes},
                     {"claims.org.team has 'red'", kUnknown},
                     // One is meant, two are there.
                     {"claims.org.teams == 'red'", kUnknown},
                     {"claims.org.teams != 'green'", kUnknown},
                     {"claims.org.teams starts_with 'r'", kUnknown},
                     // No number.
                     {"claims.department > 3", kUnknown},
                     {"claims.department == 3", kUnknown},
                     {"claims.department != 3", kUnknown},
                 });
}

TEST(PolicyEvaluate, TakesOnlyNumbersForNumbers) {
  Scene scene;
  for (const char* text : {"inf", "nan", "-inf", "0x10", " 7", "7 ", "7x", "+7", "", "1e999"}) {
    scene.ada.claims = {{"level", text}};
    EXPECT_EQ(verdict("claims.level > 3", scene.input), kUnknown) << text;
  }
  scene.ada.claims = {{"level", "1e1"}};
  EXPECT_EQ(verdict("claims.level == 10", scene.input), kYes);
}

TEST(PolicyEvaluate, CombinesThreeValues) {
  Scene scene;
  scene.ada.acr.clear();
  check(scene, {
                   {"true", kYes},
                   {"false", kNo},
                   {"acr == 'gold'", kUnknown},
                   {"acr != 'gold'", kUnknown},
                   {"acr in ['gold']", kUnknown},
                   {"acr not in ['gold']", kUnknown},
                   {"acr matches '.*'", kUnknown},
                   {"acr exists", kNo},
                   {"not (acr exists)", kYes},
                   {"not acr == 'gold'", kUnknown},
                   {"acr == 'gold' and true", kUnknown},
                   {"acr == 'gold' and false", kNo},
                   {"acr == 'gold' or true", kYes},
                   {"acr == 'gold' or false", kUnknown},
                   {"true or acr == 'gold' and false", kYes},
                   {"(true or acr == 'gold') and false", kNo},
                   {"acr exists and acr == 'gold'", kNo},
                   {"subject == acr", kUnknown},
                   {"acr != subject", kUnknown},
               });
}

// What anybody could leave away must not get past a deny rule by being left away.
TEST(PolicyEvaluate, KnowsNothingOfNobody) {
  Scene scene;
  scene.input.principal = nullptr;
  check(scene, {
                   {"subject == 'ada'", kUnknown},
                   {"groups has 'ml'", kUnknown},
                   {"not (groups has 'ml')", kUnknown},
                   {"scopes has_all ['infer']", kUnknown},
                   {"claims.level > 1", kUnknown},
                   {"auth_age < 15m", kUnknown},
                   {"email.domain == 'corp.com'", kUnknown},
                   {"subject exists", kNo},
                   {"groups exists", kNo},
                   {"credential == 'none'", kYes},
                   {"policy('authenticated')", kNo},
                   {"method == 'POST' and client in ['10.0.0.0/8']", kYes},
               });
}

TEST(PolicyEvaluate, CallsGroupsUnknownThatCouldNotAllBeTold) {
  Scene scene;
  scene.ada.groups_incomplete = true;
  check(scene, {
                   {"groups has 'ml'", kUnknown},
                   {"groups has 'x'", kUnknown},
                   {"not (groups has_any ['x', 'y'])", kUnknown},
                   {"groups exists", kUnknown},
                   {"groups has path.team", kUnknown},
                   {"roles has 'predictor'", kYes},  // may come from groups: those that are there are certain
                   {"roles has 'admin'", kUnknown},
                   {"not (roles has 'suspended')", kUnknown},
                   {"roles has_all ['predictor', 'admin']", kUnknown},
                   {"subject == 'ada'", kYes},
               });
}

TEST(PolicyEvaluate, NeverMatchesAnEmptyGroup) {
  Scene scene;
  scene.ada.groups = {"", "ml"};
  scene.values = {"", "resnet50"};
  scene.input.variables = scene.values;
  check(scene, {{"groups has path.team", kUnknown}, {"groups matches '.*x?'", kYes}});
  scene.ada.groups = {""};
  check(scene, {{"groups matches '.*'", kNo}, {"groups has claims.none", kNo}});
}

// Addresses that have let strangers in elsewhere: only one plain "@", and verified.
TEST(PolicyEvaluate, TrustsOnlyCleanVerifiedAddresses) {
  Scene scene;
  const auto domain = [&](std::string email, bool verified = true) {
    scene.ada.email = std::move(email);
    scene.ada.email_verified = verified;
    return verdict("email.domain == 'corp.com'", scene.input);
  };
  EXPECT_EQ(domain("a@corp.com"), kYes);
  EXPECT_EQ(domain("A@CORP.COM"), kYes);
  EXPECT_EQ(domain("a@corp.com", false), kUnknown);
  EXPECT_EQ(domain("a@evil.com@corp.com"), kUnknown);
  EXPECT_EQ(domain("a@corp.com@evil.com"), kUnknown);
  EXPECT_EQ(domain("a@evil.com\xEF\xBC\xA0"
                   "corp.com"),
            kUnknown);
  EXPECT_EQ(domain("a\xEF\xBC\xA0"
                   "corp.com"),
            kUnknown);
  EXPECT_EQ(domain("a@evil.com\xEF\xB9\xAB"
                   "corp.com"),
            kUnknown);
  EXPECT_EQ(domain("a@corp.com."), kNo);
  EXPECT_EQ(domain("a@evil-corp.com"), kNo);
  EXPECT_EQ(domain("a@sub.corp.com"), kNo);
  EXPECT_EQ(domain("@corp.com"), kUnknown);
  EXPECT_EQ(domain("a@"), kUnknown);
  EXPECT_EQ(domain("a b@corp.com"), kUnknown);
  EXPECT_EQ(domain(std::string("a\0@corp.com", 11)), kUnknown);
  EXPECT_EQ(domain(""), kUnknown);
}

// A rule with a regular expression and a value with bytes that are no characters: the rule must not be slipped past.
TEST(PolicyEvaluate, FailsClosedOnBytesThatAreNoText) {
  Scene scene;
  for (const char* subject :
       {"root\x80", "\xFFroot", "ro\xC0\xAFot", "root\xED\xA0\x80", "root\xF4\x90\x80\x80", "r\xC3"}) {
    scene.ada.subject = subject;
    const config::Policy policy{.name = "p", .deny = {"subject matches '.*root.*'"}, .allow = {"true"}};
    const Decision decision = decide(policy, scene.input);
    EXPECT_FALSE(decision.allowed) << subject;
    EXPECT_EQ(decision.cause, Cause::deny_unknown);
    EXPECT_EQ(verdict("subject matches 'root.'", scene.input), kUnknown);
    scene.ada.groups = {subject};
    EXPECT_EQ(verdict("groups matches 'staff.*'", scene.input), kUnknown);
  }
  // Line breaks and letters of the world are text.
  scene.ada.subject = "ro\not\xC3\xA9";
  EXPECT_EQ(verdict("subject matches 'ro.ot.'", scene.input), kYes);
}

TEST(PolicyEvaluate, ComparesPathsAsDecoded) {
  Scene scene;
  scene.values = {"a%20b", "org%2Fnet+1"};
  scene.input.variables = scene.values;
  scene.input.model = scene.values[1];
  scene.input.path = "/v1/a%20b/%C3%A9+";
  check(scene, {
                   {"path.team == 'a b'", kYes},
                   {"model == 'org/net+1'", kYes},
                   {"path == '/v1/a b/\xC3\xA9+'", kYes},
                   {"path matches '/v1/a b/.[+]'", kYes},
               });
  scene.values[1] = "org%2Fnet%2B1";  // the same to a server, and so to a rule
  scene.input.model = scene.values[1];
  check(scene, {{"model == 'org/net+1'", kYes}, {"model in ['org/net+1', 'x']", kYes}});
  scene.input.path = "/public%2Fprivate";
  check(scene, {{"path starts_with '/public/'", kUnknown}, {"path starts_with '/x'", kUnknown}});
  const std::string long_path = "/%20" + std::string(5000, 'a');
  scene.input.path = long_path;
  check(scene, {{"path starts_with '/'", kUnknown}});
  const std::string long_plain = "/" + std::string(5000, 'a');
  scene.input.path = long_plain;
  check(scene, {{"path starts_with '/a'", kYes}});  // nothing to decode, and so no room that it must fit in
}

// Some servers cut "/admin;x=y/a" down to "/admin/a": no rule may be passed by what they leave out.
TEST(PolicyEvaluate, DoubtsPathsWithParameters) {
  Scene scene;
  for (const char* path : {"/admin;x=y/a", "/admin/a;", "/admin%3Bx/a"}) {
    scene.input.path = path;
    check(scene, {{"path starts_with '/admin/'", kUnknown}, {"path starts_with '/public/'", kUnknown}});
  }
  scene.values = {"ml;x", "resnet50%3Bx"};
  scene.input.variables = scene.values;
  scene.input.model = scene.values[1];
  check(scene, {{"model == 'resnet50'", kUnknown}, {"path.team != 'ml'", kUnknown}});
}

TEST(PolicyEvaluate, ReadsHostsAsRoutesDo) {
  Scene scene;
  const auto is = [&](std::string_view host, const char* expression) {
    scene.input.host = host;
    return verdict(expression, scene.input);
  };
  EXPECT_EQ(is("A.Example.com", "host == 'a.example.com'"), kYes);
  EXPECT_EQ(is("a.example.com.", "host == 'a.example.com'"), kYes);
  EXPECT_EQ(is("a.example.com:80", "host == 'a.example.com'"), kYes);
  EXPECT_EQ(is("[2001:DB8::1]:80", "host == '[2001:db8::1]'"), kYes);
  EXPECT_EQ(is("", "host == 'a.example.com'"), kUnknown);
}

TEST(PolicyEvaluate, ComparesAddresses) {
  Scene scene;
  const auto is = [&](const char* client, const char* expression) {
    scene.input.client = *http::parse_ip(client);
    return verdict(expression, scene.input);
  };
  EXPECT_EQ(is("::ffff:10.1.2.3", "client in ['10.0.0.0/8']"), kYes);
  EXPECT_EQ(is("2001:db8::5", "client in ['2001:db8::/64']"), kYes);
  EXPECT_EQ(is("2001:db8:1::5", "client in ['2001:db8::/64']"), kNo);
  EXPECT_EQ(is("10.1.2.3", "client != '10.1.2.3'"), kNo);
  scene.input.client = {};
  EXPECT_EQ(verdict("client in ['0.0.0.0/0', '::/0']", scene.input), kUnknown);
}

TEST(PolicyEvaluate, KnowsTheTime) {
  Scene scene;  // Wednesday 11:30 UTC
  check(scene, {
                   {"time between '08:00' and '18:00'", kYes},
                   {"time between '11:30' and '11:31'", kYes},
                   {"time between '11:00' and '11:30'", kNo},
                   {"time between '00:00' and '24:00'", kYes},
                   {"time between '18:00' and '08:00'", kNo},
                   {"time between '12:00' and '13:00' zone '+01:00'", kYes},
                   {"time between '02:00' and '02:01' zone '-09:30'", kYes},
                   {"time on ['wed']", kYes},
                   {"time on ['mon-tue', 'thu-sun']", kNo},
                   {"time on ['sat-wed']", kYes},
                   {"time on ['thu'] zone '+13:00'", kYes},
               });
  scene.input.now += 13 * 3600;  // Thursday 00:30
  check(scene, {
                   {"time between '22:00' and '06:00'", kYes},
                   {"time between '22:00' and '06:00' on ['wed']", kYes},  // it began on Wednesday
                   {"time between '22:00' and '06:00' on ['thu']", kNo},
                   {"time on ['thu']", kYes},
               });
  scene.input.now = 0;
  check(scene, {{"time on ['thu']", kUnknown}, {"auth_age < 1h", kUnknown}});
}

TEST(PolicyEvaluate, DoubtsLoginsInTheFuture) {
  Scene scene;
  scene.ada.auth_time = Scene::kNow + 200;
  EXPECT_EQ(verdict("auth_age < 1s", scene.input), kYes);
  scene.ada.auth_time = Scene::kNow + 301;
  EXPECT_EQ(verdict("auth_age < 1s", scene.input), kUnknown);
}

TEST(PolicyEvaluate, FoldsBothSidesOfAComparisonOfFacts) {
  Scene scene;
  scene.values = {"ADA@corp.com", "resnet50"};
  scene.input.variables = scene.values;
  check(scene, {{"path.team == email", kYes}, {"email == path.team", kYes}});
  scene.ada.claims = {{"tenant", "a b"}};
  scene.values[0] = "a%20b";
  check(scene, {{"path.team == claims.tenant", kYes}, {"claims.tenant == path.team", kYes}});
}

TEST(PolicyEvaluate, SearchesLongLists) {
  Scene scene;
  std::string list;
  for (int i = 0; i < 1000; ++i) list += "'u" + std::to_string(i * 7 % 1000) + "', ";
  const std::string rule = "subject in [" + list + "]";
  for (const auto& [subject, expected] : {std::pair{"u0", kYes},
                                          {"u999", kYes},
                                          {"u500", kYes},
                                          {"u1000", kNo},
                                          {"", kUnknown},
                                          {"a", kNo},
                                          {"v", kNo}}) {
    scene.ada.subject = subject;
    EXPECT_EQ(verdict(rule, scene.input), expected) << subject;
  }
}

TEST(PolicyDecision, SaysWhichRuleDecided) {
  const auto set = compile({{.name = "base", .deny = {"groups has 'banned'"}, .allow = {"roles has 'predictor'"}},
                            {.name = "p",
                             .deny = {"acr == 'none'", "method == 'DELETE'"},
                             .allow = {"subject == 'root'", "policy('base') and method == 'POST'"}}});
  ASSERT_NE(set, nullptr);
  const Policy* policy = set->find("p");
  ASSERT_NE(policy, nullptr);
  EXPECT_EQ(set->find("q"), nullptr);
  Scene scene;
  Decision decision = policy->evaluate(scene.input);
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.policy, "p");
  EXPECT_EQ(decision.rule, "allow[1]");
  EXPECT_EQ(decision.index, 1u);
  EXPECT_EQ(decision.code(), "allow_rule");

  scene.input.method = "DELETE";
  decision = policy->evaluate(scene.input);
  EXPECT_EQ(decision.rule, "deny[1]");
  EXPECT_EQ(decision.code(), "deny_rule");

  scene.ada.acr.clear();  // deny[0] may hold, deny[1] does: the certain one is the reason
  EXPECT_EQ(policy->evaluate(scene.input).rule, "deny[1]");
  scene.input.method = "POST";
  decision = policy->evaluate(scene.input);
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.rule, "deny[0]");
  EXPECT_EQ(decision.code(), "deny_unknown");

  scene.ada.acr = "silver";
  scene.ada.groups = {"banned"};
  decision = policy->evaluate(scene.input);
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.code(), "no_allow_rule");
  EXPECT_EQ(decision.rule, "");
}

TEST(PolicyDecision, AdmitsWhoeverIsKnownWhereThatIsAsked) {
  const auto set = compile({});
  Scene scene;
  const Policy* policy = set->find(kAuthenticated);
  ASSERT_NE(policy, nullptr);
  EXPECT_EQ(policy->evaluate(scene.input).code(), "authenticated");
  EXPECT_TRUE(policy->evaluate(scene.input).allowed);
  scene.input.principal = nullptr;
  EXPECT_EQ(policy->evaluate(scene.input).code(), "unauthenticated");
  EXPECT_FALSE(policy->evaluate(scene.input).allowed);
  EXPECT_TRUE(policy->trace(scene.input).empty());
}

// A policy as a part of others: what it does not know, they do not know either, in whichever sense they use it.
TEST(PolicyDecision, PassesDoubtOn) {
  const auto set = compile({{.name = "trusted", .deny = {"acr == 'none'"}, .allow = {"true"}},
                            {.name = "yes", .deny = {}, .allow = {"policy('trusted')"}},
                            {.name = "no", .deny = {"not policy('trusted')"}, .allow = {"true"}},
                            {.name = "inverse", .deny = {}, .allow = {"not policy('trusted')"}}});
  Scene scene;
  EXPECT_TRUE(set->find("yes")->evaluate(scene.input).allowed);
  EXPECT_TRUE(set->find("no")->evaluate(scene.input).allowed);
  EXPECT_FALSE(set->find("inverse")->evaluate(scene.input).allowed);
  scene.ada.acr.clear();
  for (const char* name : {"trusted", "yes", "no", "inverse"})
    EXPECT_FALSE(set->find(name)->evaluate(scene.input).allowed) << name;
}

TEST(PolicyDecision, IsTraced) {
  const auto set =
      compile({{.name = "p", .deny = {"acr == 'none'"}, .allow = {"subject == 'bob' or groups has 'ml'", "true"}}});
  Scene scene;
  const std::vector<RuleTrace> rules = set->find("p")->trace(scene.input);
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0].kind, RuleKind::deny);
  EXPECT_EQ(rules[0].verdict, kNo);
  EXPECT_FALSE(rules[0].decided);
  EXPECT_EQ(rules[1].verdict, kYes);
  EXPECT_TRUE(rules[1].decided);
  EXPECT_EQ(rules[1].text, "subject == 'bob' or groups has 'ml'");
  ASSERT_EQ(rules[1].tests.size(), 2u);
  EXPECT_EQ(rules[1].tests[0].text, "subject == 'bob'");
  EXPECT_EQ(rules[1].tests[0].verdict, kNo);
  EXPECT_EQ(rules[1].tests[1].text, "groups has 'ml'");
  EXPECT_EQ(rules[1].tests[1].verdict, kYes);
  EXPECT_FALSE(rules[2].decided);
}

TEST(PolicyDecision, AllocatesNothing) {
  const auto set =
      compile({{.name = "base", .deny = {"groups has 'banned'"}, .allow = {"scopes has_all ['infer']"}},
               {.name = "p",
                .deny = {"claims.level < 1", "email.domain in ['a.com', 'b.com']", "path.team == subject",
                         "subject matches '.*bot.*'", "client in ['192.0.2.0/24']", "host == 'a.example.com'"},
                .allow = {"time between '00:00' and '01:00'",
                          "policy('base') and auth_age < 1h and path starts_with '/v1/'"}}});
  Scene scene;
  scene.values[0] = "m%20l";
  const Policy* policy = set->find("p");
  ASSERT_TRUE(policy->evaluate(scene.input).allowed);  // warm: RE2 has seen such a text
  test::start_counting_allocations();
  for (int i = 0; i < 100; ++i) static_cast<void>(policy->evaluate(scene.input));
  EXPECT_EQ(test::stop_counting_allocations(), 0u);
}

// Each core reads a copy of its own; an input that names one that is not there must not read beyond them.
TEST(PolicyDecision, HasRegularExpressionsForEachCore) {
  const std::vector<config::Policy> policies{{.name = "p", .deny = {}, .allow = {"subject matches ['x', 'a.*']"}}};
  std::vector<Problem> problems;
  CompileOptions options;
  options.cores = 3;
  const auto set = PolicySet::compile(policies, options, problems);
  ASSERT_NE(set, nullptr);
  Scene scene;
  for (scene.input.core = 0; scene.input.core < 5; ++scene.input.core)
    EXPECT_TRUE(set->find("p")->evaluate(scene.input).allowed) << scene.input.core;
}

}  // namespace
}  // namespace postern::policy
