// What a table refuses to be built from, and what it compiles.
#include "unit/route/routes.h"

namespace postern::route::test {
namespace {

bool has(const std::vector<Problem>& problems, std::string_view key, std::string_view part) {
  for (const Problem& problem : problems) {
    if (problem.key == key && problem.message.find(part) != std::string::npos) return true;
  }
  for (const Problem& problem : problems) ADD_FAILURE() << "instead: " << problem.key << ": " << problem.message;
  return false;
}

TEST(RouteBuild, ListsEveryMistake) {
  RouteOf bad("bad", "no-slash");
  bad.hosts({"ok.com", "not a host"}).listeners({"public", "privat"}).methods({"get"}).forward("model");
  bad.raw().request_headers.set = {{"Transfer-Encoding", "chunked"}};
  const auto problems = problems_of({RouteOf("good", "/"), bad});
  EXPECT_TRUE(has(problems, "route[1].path", "starts with"));
  EXPECT_TRUE(has(problems, "route[1].hosts[1]", "not a host"));
  EXPECT_TRUE(has(problems, "route[1].listeners[1]", "no listener named \"privat\""));
  EXPECT_TRUE(has(problems, "route[1].methods[0]", "case-sensitive"));
  EXPECT_TRUE(has(problems, "route[1].forward", "no upstream named \"model\""));
  EXPECT_TRUE(has(problems, "route[1].request_headers", "Transfer-Encoding"));
  EXPECT_EQ(problems.size(), 6u);
}

TEST(RouteBuild, ExactlyOneAction) {
  RouteOf none("none", "/");
  none.raw().reply.reset();
  EXPECT_TRUE(has(problems_of({none}), "route[0].forward", "exactly one"));
  RouteOf two("two", "/");
  two.raw().forward = "models";
  EXPECT_TRUE(has(problems_of({two}), "route[0].forward", "exactly one"));
}

TEST(RouteBuild, ARouteThatCanNeverMatchIsAMistake) {
  EXPECT_TRUE(has(problems_of({RouteOf("a", "/x/{m}"), RouteOf("b", "/x/{n}")}), "route[1]",
                  "route \"a\" takes the same requests"));
  EXPECT_TRUE(has(problems_of({RouteOf("a", "/").methods({"GET", "PUT"}), RouteOf("b", "/").methods({"PUT"})}),
                  "route[1]", "\"a\""));
  EXPECT_TRUE(has(problems_of({RouteOf("a", "/").hosts({"A.com", "b.com"}), RouteOf("b", "/").hosts({"a.com"})}),
                  "route[1]", "\"a\""));
  // One host, listener or method of its own is enough.
  table_of({RouteOf("a", "/").hosts({"a.com"}), RouteOf("b", "/").hosts({"a.com", "b.com"})});
  table_of({RouteOf("a", "/").listeners({"public"}), RouteOf("b", "/").listeners({"public", "third"})});
  table_of({RouteOf("a", "/").methods({"PUT"}), RouteOf("b", "/").methods({"GET", "PUT"})});
  table_of({RouteOf("a", "/"), RouteOf("b", "/").methods({"GET"})});  // goes first, though later
}

TEST(RouteBuild, LimitsAreToldAtBuildTime) {
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += "/{v" + std::to_string(i) + "}";
  EXPECT_TRUE(has(problems_of({RouteOf("a", nine)}), "route[0].path", "more than 8 variables"));
  std::string deep;
  for (int i = 0; i < 65; ++i) deep += "/d";
  EXPECT_TRUE(has(problems_of({RouteOf("a", deep)}), "route[0].path", "more than 64 segments"));
  RouteOf methods("a", "/");
  std::vector<std::string> names;
  for (char c = 'A'; c < 'A' + 17; ++c) names.push_back(std::string("X") + c);
  EXPECT_TRUE(has(problems_of({methods.methods(names)}), "route[0].methods[16]", "more than 16"));
  EXPECT_TRUE(has(problems_of({RouteOf("a", "/").headers({{"x-a", "1"}, {"X-A", "2"}})}), "route[0].headers", "twice"));
}

TEST(RouteBuild, CompilesTheAction) {
  RouteOf forward("f", "/api/*");
  forward.forward("other");
  forward.raw().strip_prefix = "/api";
  forward.raw().preserve_host = false;
  forward.raw().retry.when = config::RetryWhen::never;
  forward.raw().response_timeout = std::chrono::seconds(7);
  forward.raw().request_timeout = std::chrono::seconds(9);
  forward.raw().max_body = 1000;
  forward.raw().request_trailers = {"X-Checksum"};
  RouteOf reply("r", "/hello");
  reply.raw().reply = config::FixedReply{201, "hi", "text/plain"};
  RouteOf redirect("d", "/old");
  redirect.redirect("/new").raw().redirect_status = 301;
  const auto table = table_of({forward, reply, redirect});
  ASSERT_EQ(table->routes().size(), 3u);
  const Route& route = table->routes()[0];
  ASSERT_TRUE(route.forward());
  EXPECT_EQ(route.index, 0u);
  EXPECT_EQ(route.max_body, 1000u);
  EXPECT_EQ(route.request_timeout, std::chrono::seconds(9));
  EXPECT_EQ(route.forward()->upstream, 1u);
  EXPECT_FALSE(route.forward()->preserve_host);
  EXPECT_EQ(route.forward()->retry.when, config::RetryWhen::never);
  EXPECT_EQ(route.forward()->response_timeout, std::chrono::seconds(7));
  EXPECT_TRUE(route.forward()->request_trailers.allows("x-checksum"));
  EXPECT_TRUE(route.forward()->path.changes_path());
  ASSERT_TRUE(table->routes()[1].reply());
  EXPECT_EQ(table->routes()[1].reply()->status, 201);
  EXPECT_EQ(table->routes()[1].reply()->body, "hi");
  ASSERT_TRUE(table->routes()[2].redirect());
  EXPECT_EQ(table->routes()[2].redirect()->status, 301);
}

TEST(RouteBuild, StripPrefixMustBeginThePath) {
  for (const char* path : {"/other/*", "/apis/*", "/{x}/api/*", "/api{x}/y"}) {
    RouteOf route("a", path);
    route.forward("models").raw().strip_prefix = "/api";
    EXPECT_TRUE(has(problems_of({route}), "route[0].strip_prefix", "does not begin")) << path;
  }
  for (const char* path : {"/api/*", "/api", "/api/{x}:p", "/api/v1/x"}) {
    RouteOf route("a", path);
    route.forward("models").raw().strip_prefix = "/api";
    EXPECT_TRUE(table_of({route})) << path;
  }
}

TEST(RouteBuild, RewriteAndRedirectKnowOnlyThePathsVariables) {
  RouteOf rewrite("a", "/v1/{model}");
  rewrite.forward("models").raw().rewrite = "/v2/{modle}";
  EXPECT_TRUE(has(problems_of({rewrite}), "route[0].rewrite", "{modle} is no variable"));
  EXPECT_TRUE(has(problems_of({RouteOf("a", "/x").redirect("/y/{tail}")}), "route[0].redirect", "ends in \"/*\""));
  rewrite.raw().rewrite = "/v2/{model}";
  rewrite.raw().strip_prefix = "/v1";
  EXPECT_TRUE(has(problems_of({rewrite}), "route[0].rewrite", "either"));
}

}  // namespace
}  // namespace postern::route::test
