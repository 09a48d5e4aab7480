// Which paths a route takes, and which route wins among those that take one.
#include "unit/route/routes.h"

namespace postern::route::test {
namespace {

TEST(RoutePaths, ExactIsExactDownToTheTrailingSlash) {
  const auto table =
      table_of({RouteOf("root", "/"), RouteOf("plain", "/a"), RouteOf("slash", "/a/"), RouteOf("deep", "/a/b/c")});
  EXPECT_EQ(found(*table, {"/"}), "root");
  EXPECT_EQ(found(*table, {"/a"}), "plain");
  EXPECT_EQ(found(*table, {"/a/"}), "slash");
  EXPECT_EQ(found(*table, {"/a/b/c"}), "deep");
  for (const char* path : {"/a/b", "/a/b/", "/a/b/c/", "/a/b/cc", "/A", "/aa", "//", "/a//", "", "a", "*"}) {
    EXPECT_EQ(found(*table, {path}), "404") << path;
  }
}

TEST(RoutePaths, PrefixTakesItsSlashAndAllBelowButNotItself) {
  const auto table = table_of({RouteOf("prefix", "/static/*")});
  EXPECT_EQ(found(*table, {"/static/"}), "prefix");
  EXPECT_EQ(found(*table, {"/static/a/b/"}), "prefix");
  EXPECT_EQ(found(*table, {"/static//x"}), "prefix");
  EXPECT_EQ(found(*table, {"/static"}), "404");
  EXPECT_EQ(found(*table, {"/statics/a"}), "404");
  EXPECT_EQ(match(*table, {"/static/"}).tail, "");
  EXPECT_EQ(match(*table, {"/static/a/b/"}).tail, "a/b/");
}

TEST(RoutePaths, SlashStarTakesEverything) {
  const auto table = table_of({RouteOf("all", "/*")});
  for (const char* path : {"/", "/a", "/a/b/c", "//"}) EXPECT_EQ(found(*table, {path}), "all") << path;
  EXPECT_EQ(match(*table, {"/a/b"}).tail, "a/b");
}

TEST(RoutePaths, TemplatesGiveTheirVariables) {
  const auto table = table_of({RouteOf("predict", "/v1/models/{model}:predict"),
                               RouteOf("version", "/v1/models/{model}/versions/{version}:predict"),
                               RouteOf("status", "/v1/models/{model}"), RouteOf("below", "/files/{owner}/*")});
  const Request predict{"/v1/models/resnet:predict"};
  Match out = match(*table, predict);
  ASSERT_TRUE(out.route);
  EXPECT_EQ(out.route->name, "predict");
  ASSERT_EQ(out.variable_count, 1);
  EXPECT_EQ(out.variables[0], "resnet");

  const Request version{"/v1/models/res:net/versions/3:predict"};
  out = match(*table, version);
  ASSERT_TRUE(out.route);
  EXPECT_EQ(out.route->name, "version");
  ASSERT_EQ(out.variable_count, 2);
  EXPECT_EQ(out.variables[0], "res:net");
  EXPECT_EQ(out.variables[1], "3");

  const Request below{"/files/ann/x/y"};
  out = match(*table, below);
  ASSERT_TRUE(out.route);
  EXPECT_EQ(out.variables[0], "ann");
  EXPECT_EQ(out.tail, "x/y");

  EXPECT_EQ(found(*table, {"/v1/models/a:predict:predict"}), "predict");
  EXPECT_EQ(found(*table, {"/v1/models/resnet:classify"}), "status");
}

TEST(RoutePaths, VariablesAreNeverEmpty) {
  const auto table =
      table_of({RouteOf("predict", "/m/{model}:predict"), RouteOf("plain", "/p/{x}"), RouteOf("both", "/b/v{x}.json")});
  EXPECT_EQ(found(*table, {"/m/:predict"}), "404");
  EXPECT_EQ(found(*table, {"/p/"}), "404");
  EXPECT_EQ(found(*table, {"/p//"}), "404");
  EXPECT_EQ(found(*table, {"/b/v.json"}), "404");
  EXPECT_EQ(found(*table, {"/b/v1.json"}), "both");
}

TEST(RoutePaths, LiteralBeforePatternBeforeVariableBeforeTail) {
  const std::vector<config::Route> routes{RouteOf("tail", "/m/*"),         RouteOf("variable", "/m/{x}"),
                                          RouteOf("short", "/m/{x}:p"),    RouteOf("long", "/m/{x}:ppp:p"),
                                          RouteOf("prefix", "/m/abc-{x}"), RouteOf("literal", "/m/abc-1:p")};
  const auto table = table_of(routes);
  EXPECT_EQ(found(*table, {"/m/abc-1:p"}), "literal");
  EXPECT_EQ(found(*table, {"/m/abc-2:p"}), "prefix");  // four literal bytes against two
  EXPECT_EQ(found(*table, {"/m/x:ppp:p"}), "long");
  EXPECT_EQ(found(*table, {"/m/x:p"}), "short");
  EXPECT_EQ(found(*table, {"/m/x"}), "variable");
  EXPECT_EQ(found(*table, {"/m/"}), "tail");
  EXPECT_EQ(found(*table, {"/m/x/y"}), "tail");
  EXPECT_EQ(found(*table_of({routes.rbegin(), routes.rend()}), {"/m/abc-2:p"}), "prefix");  // order is no matter
}

TEST(RoutePaths, EquallyLongPatternsGoByTheLongerPrefix) {
  const auto table = table_of({RouteOf("suffix", "/{x}bb"), RouteOf("prefix", "/aa{x}"), RouteOf("both", "/a{x}b")});
  EXPECT_EQ(found(*table, {"/aa-bb"}), "prefix");
  EXPECT_EQ(found(*table, {"/a--bb"}), "both");
  EXPECT_EQ(found(*table, {"/---bb"}), "suffix");
}

TEST(RoutePaths, TheLongestTailWins) {
  const auto table = table_of({RouteOf("all", "/*"), RouteOf("a", "/a/*"), RouteOf("ab", "/a/b/*")});
  EXPECT_EQ(found(*table, {"/a/b/c"}), "ab");
  EXPECT_EQ(found(*table, {"/a/b"}), "a");
  EXPECT_EQ(found(*table, {"/a"}), "all");
}

TEST(RoutePaths, ALiteralThatLeadsNowhereIsLeftForTheVariableBesideIt) {
  const auto table = table_of({RouteOf("literal", "/a/b/c"), RouteOf("variable", "/{x}/b/d"), RouteOf("tail", "/a/*"),
                               RouteOf("pattern", "/a{x}/b/e")});
  EXPECT_EQ(found(*table, {"/a/b/c"}), "literal");
  EXPECT_EQ(found(*table, {"/a/b/d"}), "tail");  // the segment "a" decides before "/b/d" does
  EXPECT_EQ(found(*table, {"/x/b/d"}), "variable");
  EXPECT_EQ(found(*table, {"/aa/b/d"}), "variable");
  const Request request{"/aa/b/e"};
  const Match out = match(*table, request);
  ASSERT_TRUE(out.route);
  EXPECT_EQ(out.route->name, "pattern");
  ASSERT_EQ(out.variable_count, 1);
  EXPECT_EQ(out.variables[0], "a");
}

TEST(RoutePaths, VariablesOfAFailedTryDoNotShow) {
  const auto table = table_of({RouteOf("long", "/{a}/{b}/{c}/end"), RouteOf("tail", "/*")});
  const Request request{"/1/2/3/other"};
  const Match out = match(*table, request);
  ASSERT_TRUE(out.route);
  EXPECT_EQ(out.route->name, "tail");
  EXPECT_EQ(out.variable_count, 0);
  EXPECT_EQ(out.tail, "1/2/3/other");
}

TEST(RoutePaths, LongSegmentsAndEncodedOnesAreCompared) {
  const std::string segment(300, 's');
  const auto table = table_of({RouteOf("long", "/" + segment + "/x"), RouteOf("longer", "/" + segment + "s/x"),
                               RouteOf("encoded", "/caf%C3%A9/x"), RouteOf("pattern", "/p/{x}" + segment)});
  EXPECT_EQ(found(*table, {"/" + segment + "/x"}), "long");
  EXPECT_EQ(found(*table, {"/" + segment + "s/x"}), "longer");
  EXPECT_EQ(found(*table, {"/" + segment + "t/x"}), "404");
  EXPECT_EQ(found(*table, {"/caf%C3%A9/x"}), "encoded");
  EXPECT_EQ(found(*table, {"/p/a" + segment}), "pattern");
  EXPECT_EQ(found(*table, {"/" + std::string(70'000, 'x') + "/x"}), "404");
}

TEST(RoutePaths, AChainWithoutAChoiceIsComparedAtSegmentBorders) {
  const auto table = table_of({RouteOf("one", "/a/b/c/d"), RouteOf("below", "/a/b/c/d/*")});
  EXPECT_EQ(found(*table, {"/a/b/c/d"}), "one");
  EXPECT_EQ(found(*table, {"/a/b/c/d/"}), "below");
  for (const char* path : {"/", "/a", "/a/b/c", "/a/b/c/", "/a/b/c/dd", "/a/b/cc/d", "/a/b/c/d-/e"}) {
    EXPECT_EQ(found(*table, {path}), "404") << path;
  }
}

TEST(RoutePaths, AnEmptyTableHasNoRoute) {
  const auto table = table_of({});
  EXPECT_EQ(found(*table, {"/"}), "404");
  EXPECT_EQ(table->routes().size(), 0u);
}

}  // namespace
}  // namespace postern::route::test
