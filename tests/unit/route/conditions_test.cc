// Hosts, listeners, methods and header fields, and their order of preference.
#include "unit/route/routes.h"

namespace postern::route::test {
namespace {

TEST(RouteHosts, ExactBeforeLongestWildcardBeforeAny) {
  const auto table =
      table_of({RouteOf("any", "/*"), RouteOf("com", "/*").hosts({"*.com"}),
                RouteOf("example", "/*").hosts({"*.example.com"}), RouteOf("exact", "/*").hosts({"api.example.com"})});
  EXPECT_EQ(found(*table, {"/", "GET", "api.example.com"}), "exact");
  EXPECT_EQ(found(*table, {"/", "GET", "web.example.com"}), "example");
  EXPECT_EQ(found(*table, {"/", "GET", "a.b.example.com"}), "example");
  EXPECT_EQ(found(*table, {"/", "GET", "x.api.example.com"}), "example");
  EXPECT_EQ(found(*table, {"/", "GET", "example.com"}), "com");
  EXPECT_EQ(found(*table, {"/", "GET", "badexample.com"}), "com");
  EXPECT_EQ(found(*table, {"/", "GET", "com"}), "any");
  EXPECT_EQ(found(*table, {"/", "GET", "example.org"}), "any");
  EXPECT_EQ(found(*table, {"/", "GET", ""}), "any");
}

TEST(RouteHosts, CaseAndPortAreNoMatter) {
  const auto table = table_of({RouteOf("name", "/").hosts({"API.Example.com"}), RouteOf("v4", "/").hosts({"10.0.0.1"}),
                               RouteOf("v6", "/").hosts({"[::1]"}), RouteOf("wild", "/").hosts({"*.Wild.org"})});
  EXPECT_EQ(found(*table, {"/", "GET", "api.EXAMPLE.com"}), "name");
  EXPECT_EQ(found(*table, {"/", "GET", "api.example.com:8443"}), "name");
  EXPECT_EQ(found(*table, {"/", "GET", "10.0.0.1:80"}), "v4");
  EXPECT_EQ(found(*table, {"/", "GET", "[::1]"}), "v6");
  EXPECT_EQ(found(*table, {"/", "GET", "[::1]:443"}), "v6");
  EXPECT_EQ(found(*table, {"/", "GET", "A.WILD.ORG:1"}), "wild");
  for (const char* host : {"[::1", "[::2]", "::1", "api.example.com.", ":80", "[", "api.example.co", ".wild.org",
                           "api@example.com", "apiNexample.com"}) {
    EXPECT_EQ(found(*table, {"/", "GET", host}), "404") << host;
  }
}

TEST(RouteHosts, OnlyLettersAreFolded) {
  const auto table = table_of({RouteOf("a", "/").hosts({"a-1_z.example"})});
  EXPECT_EQ(found(*table, {"/", "GET", "A-1_Z.EXAMPLE"}), "a");
  EXPECT_EQ(found(*table, {"/", "GET", "A\r1_Z.EXAMPLE"}), "404");
  EXPECT_EQ(found(*table, {"/", "GET", "a-1\x7Fz.example"}), "404");
  EXPECT_EQ(found(*table, {"/", "GET", "\xE1-1_z.example"}), "404");  // 'a' with the top bit
}

TEST(RouteHosts, OverlongHostsAreOnlyAnyHost) {
  const auto table = table_of({RouteOf("wild", "/").hosts({"*.com"}), RouteOf("any", "/")});
  EXPECT_EQ(found(*table, {"/", "GET", std::string(251, 'a') + ".com"}), "wild");
  EXPECT_EQ(found(*table, {"/", "GET", std::string(252, 'a') + ".com"}), "any");
  std::string labels;
  for (int i = 0; i < 126; ++i) labels += "a.";
  EXPECT_EQ(found(*table, {"/", "GET", labels + "com"}), "wild");
}

TEST(RouteHosts, APathThatTheDearerHostLacksIsFoundBelowTheNext) {
  const auto table = table_of({RouteOf("exact", "/a").hosts({"api.example.com"}),
                               RouteOf("wild", "/b").hosts({"*.example.com"}), RouteOf("any", "/{x}")});
  EXPECT_EQ(found(*table, {"/a", "GET", "api.example.com"}), "exact");
  EXPECT_EQ(found(*table, {"/b", "GET", "api.example.com"}), "wild");
  EXPECT_EQ(found(*table, {"/c", "GET", "api.example.com"}), "any");
}

TEST(RouteHosts, ARouteMayHaveSeveral) {
  const auto table = table_of({RouteOf("a", "/").hosts({"one.com", "*.two.com", "ONE.com"})});
  EXPECT_EQ(found(*table, {"/", "GET", "one.com"}), "a");
  EXPECT_EQ(found(*table, {"/", "GET", "x.two.com"}), "a");
  EXPECT_EQ(found(*table, {"/", "GET", "two.com"}), "404");
}

TEST(RouteMethods, NamedBeforeAnyAndHeadWithGet) {
  const auto table = table_of(
      {RouteOf("any", "/a"), RouteOf("get", "/a").methods({"GET"}), RouteOf("purge", "/a").methods({"PURGE", "POST"})});
  EXPECT_EQ(found(*table, {"/a", "GET"}), "get");
  EXPECT_EQ(found(*table, {"/a", "HEAD"}), "get");
  EXPECT_EQ(found(*table, {"/a", "PURGE"}), "purge");
  EXPECT_EQ(found(*table, {"/a", "POST"}), "purge");
  EXPECT_EQ(found(*table, {"/a", "PUT"}), "any");
  EXPECT_EQ(found(*table, {"/a", "get"}), "any");  // methods are case-sensitive
  EXPECT_EQ(found(*table, {"/a", "FROBNICATE"}), "any");
}

TEST(RouteMethods, AllowIsTheUnionOfAllThatMatchOtherwise) {
  const auto table =
      table_of({RouteOf("get", "/a").methods({"GET"}), RouteOf("post", "/{x}").methods({"POST"}),
                RouteOf("purge", "/a").methods({"PURGE"}).hosts({"example.com"}), RouteOf("put", "/b").methods({"PUT"}),
                RouteOf("patch", "/a").methods({"PATCH"}).listeners({"internal"}),
                RouteOf("delete", "/a").methods({"DELETE"}).headers({{"x-a", "1"}})});
  EXPECT_EQ(found(*table, {"/a", "OPTIONS"}), "405 GET, HEAD, POST, PURGE");
  EXPECT_EQ(found(*table, {"/a", "OPTIONS", "other.com"}), "405 GET, HEAD, POST");
  EXPECT_EQ(found(*table, {"/a", "OPTIONS", "other.com", 1}), "405 GET, HEAD, POST, PATCH");
  EXPECT_EQ(found(*table, {"/a", "OPTIONS", "other.com", 0, {{"X-A", "1"}}}), "405 GET, HEAD, POST, DELETE");
  EXPECT_EQ(found(*table, {"/b", "GET"}), "405 POST, PUT");
  EXPECT_EQ(found(*table, {"/a", "purge"}), "405 GET, HEAD, POST, PURGE");
  EXPECT_EQ(found(*table, {"/a/b", "GET"}), "404");
}

TEST(RouteMethods, AllowIsCutToWhatFits) {
  const auto table = table_of({RouteOf("a", "/").methods({"GET", "POST"})});
  const Match out = match(*table, {"/", "PUT"});
  char buffer[11];
  EXPECT_EQ(table->write_allow(out.allowed, buffer), "GET, HEAD");
  EXPECT_EQ(table->write_allow(out.allowed, std::span<char>()), "");
}

TEST(RouteListeners, RestrictedBeforeUnrestricted) {
  const auto table = table_of({RouteOf("all", "/a"), RouteOf("internal", "/a").listeners({"internal"}),
                               RouteOf("only", "/b").listeners({"public", "third"})});
  EXPECT_EQ(found(*table, {"/a", "GET", "h", 0}), "all");
  EXPECT_EQ(found(*table, {"/a", "GET", "h", 1}), "internal");
  EXPECT_EQ(found(*table, {"/b", "GET", "h", 0}), "only");
  EXPECT_EQ(found(*table, {"/b", "GET", "h", 1}), "404");
  EXPECT_EQ(found(*table, {"/b", "GET", "h", 2}), "only");
  EXPECT_EQ(found(*table, {"/a", "GET", "h", 3}), "404");  // no such listener
}

TEST(RouteListeners, ManyListenersFit) {
  std::vector<std::string> names;
  std::vector<config::Route> routes;
  for (int i = 0; i < 130; ++i) {
    names.push_back("l" + std::to_string(i));
    routes.push_back(RouteOf("r" + std::to_string(i), "/").listeners({names.back()}));
  }
  std::vector<Problem> problems;
  const auto table = RouteTable::build(routes, names, resolve, problems);
  ASSERT_TRUE(table) << problems[0].message;
  for (std::uint32_t i = 0; i < 130; ++i) EXPECT_EQ(found(*table, {"/", "GET", "h", i}), routes[i].name);
}

TEST(RouteHeaders, MoreConditionsBeforeFewer) {
  const auto table = table_of({RouteOf("none", "/a"), RouteOf("canary", "/a").headers({{"X-Canary", "1"}}),
                               RouteOf("two", "/a").headers({{"x-canary", "1"}, {"Accept", "text/html"}}),
                               RouteOf("present", "/a").headers({{"x-debug", "*"}})});
  EXPECT_EQ(found(*table, {"/a"}), "none");
  EXPECT_EQ(found(*table, {"/a", "GET", "h", 0, {{"x-CANARY", "1"}}}), "canary");
  EXPECT_EQ(found(*table, {"/a", "GET", "h", 0, {{"x-canary", "2"}}}), "none");
  EXPECT_EQ(found(*table, {"/a", "GET", "h", 0, {{"x-canary", "1"}, {"accept", "text/html"}}}), "two");
  EXPECT_EQ(found(*table, {"/a", "GET", "h", 0, {{"x-debug", ""}}}), "present");
  EXPECT_EQ(found(*table, {"/a", "GET", "h", 0, {{"x-debug", "q"}, {"x-canary", "1"}}}), "canary");  // config order
}

TEST(RouteHeaders, AFieldThatStandsThereTwiceEqualsNoSingleValue) {
  const auto table =
      table_of({RouteOf("one", "/a").headers({{"x-role", "admin"}}), RouteOf("any", "/b").headers({{"x-role", "*"}})});
  const config::NameValues twice{{"x-role", "admin"}, {"X-Role", "admin"}};
  EXPECT_EQ(found(*table, {"/a", "GET", "h", 0, {{"x-role", "admin"}}}), "one");
  EXPECT_EQ(found(*table, {"/a", "GET", "h", 0, {{"x-role", "Admin"}}}), "404");
  EXPECT_EQ(found(*table, {"/a", "GET", "h", 0, twice}), "404");
  EXPECT_EQ(found(*table, {"/b", "GET", "h", 0, twice}), "any");
}

TEST(RouteHeaders, SeveralValuesShareTheirNames) {
  std::vector<config::Route> routes;
  for (int a = 0; a < 5; ++a) {
    for (int b = 0; b < 5; ++b) {
      const std::string name = std::to_string(a) + std::to_string(b);
      routes.push_back(RouteOf(name, "/").headers({{"x-b", std::to_string(b)}, {"x-a", std::to_string(a)}}));
    }
  }
  const auto table = table_of(routes);
  EXPECT_EQ(found(*table, {"/", "GET", "h", 0, {{"x-a", "3"}, {"x-b", "4"}}}), "34");
  EXPECT_EQ(found(*table, {"/", "GET", "h", 0, {{"x-a", "3"}, {"x-b", "5"}}}), "404");
  EXPECT_EQ(found(*table, {"/", "GET", "h", 0, {{"x-a", "3"}}}), "404");
}

TEST(RoutePreference, HostPathListenerHeaderMethodOrder) {
  const std::vector<config::Route> routes{
      RouteOf("order2", "/a").methods({"GET", "PUT"}), RouteOf("order3", "/a").methods({"GET", "POST"}),
      RouteOf("header", "/a").headers({{"h", "1"}}),   RouteOf("listener", "/a").listeners({"public"}),
      RouteOf("host", "/*").hosts({"example.com"}),
  };
  // Each goes before those above it; they are left out from the bottom up.
  const Request request{"/a", "GET", "example.com", 0, {{"h", "1"}}};
  EXPECT_EQ(found(*table_of({routes.begin(), routes.end()}), request), "host");
  EXPECT_EQ(found(*table_of({routes.begin(), routes.end() - 1}), request), "listener");
  EXPECT_EQ(found(*table_of({routes.begin(), routes.end() - 2}), request), "header");
  EXPECT_EQ(found(*table_of({routes.begin(), routes.end() - 3}), request), "order2");
}

TEST(RoutePreference, TheEarlierOfEqualsWins) {
  EXPECT_EQ(found(*table_of({RouteOf("a", "/a").methods({"GET", "PUT"}), RouteOf("b", "/a").methods({"GET", "POST"})}),
                  {"/a"}),
            "a");
  EXPECT_EQ(found(*table_of({RouteOf("b", "/a").methods({"GET", "POST"}), RouteOf("a", "/a").methods({"GET", "PUT"})}),
                  {"/a"}),
            "b");
}

}  // namespace
}  // namespace postern::route::test
