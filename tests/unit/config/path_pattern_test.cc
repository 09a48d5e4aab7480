// Path patterns and templates: what is taken apart how, and what is refused.
#include "config/path_pattern.h"

#include <gtest/gtest.h>

namespace postern::config {
namespace {

using Kind = PathSegment::Kind;

TEST(PathPattern, SplitsIntoSegments) {
  EXPECT_EQ(check_path_pattern("/").segments, (std::vector<PathSegment>{{Kind::literal, "", "", ""}}));
  EXPECT_EQ(check_path_pattern("/*").segments, (std::vector<PathSegment>{{Kind::tail, "", "", ""}}));
  EXPECT_EQ(check_path_pattern("/a/").segments,
            (std::vector<PathSegment>{{Kind::literal, "a", "", ""}, {Kind::literal, "", "", ""}}));
  EXPECT_EQ(check_path_pattern("/v1/x-{model}:predict/*").segments,
            (std::vector<PathSegment>{
                {Kind::literal, "v1", "", ""}, {Kind::variable, "x-", "model", ":predict"}, {Kind::tail, "", "", ""}}));
}

TEST(PathPattern, ShapeForgetsVariableNames) {
  EXPECT_EQ(path_shape(check_path_pattern("/a/{x}:p/*")), "/a/{}:p/*");
  EXPECT_EQ(path_shape(check_path_pattern("/a/{y}:p/*")), "/a/{}:p/*");
  EXPECT_NE(path_shape(check_path_pattern("/a/")), path_shape(check_path_pattern("/a")));
}

TEST(PathPattern, TakesGoodOnes) {
  for (const std::string_view good : {"/", "/a.b/c~d", "/%20", "/%2F", "/%C3%A9", "/%E2%82%AC", "/%F0%9F%98%80x",
                                      "/a;b=c@d", "/...", "/{a}/{b}", "/a:b"}) {
    EXPECT_EQ(check_path_pattern(good).error, "") << good;
  }
}

TEST(PathPattern, RefusesBadOnes) {
  for (const std::string_view bad :
       {"",        "a",        "//",        "/a//b",      "/.",         "/..",           "/a/../b",  "/a?b",
        "/a#b",    "/*/a",     "/a*",       "/{a",        "/a}",        "/}{",           "/{}",      "/{1}",
        "/{a}{b}", "/{a}x{b}", "/{a/b}",    "/{a}/{a}",   "/{{a}}",     "/{a b}",        "/a b",     "/\x80",
        "/%",      "/%4",      "/%41",      "/%2f",       "/%00",       "/%7F",          "/%zz",     "/%5C",
        "/%C3",    "/%80",     "/%C0%AF",   "/%E0%80%AF", "/%ED%A0%80", "/%F5%80%80%80", "/%C3x%A9", "/a\\b",
        "/{path}", "/{host}",  "/{scheme}", "/{tail}",    "/{query}",   "/{*}",          "/{a}}"}) {
    EXPECT_FALSE(check_path_pattern(bad).ok()) << bad;
    EXPECT_TRUE(check_path_pattern(bad).segments.empty()) << bad;
  }
  EXPECT_FALSE(check_path_pattern("/" + std::string(4096, 'a')).ok());
}

TEST(PathTemplate, SplitsIntoParts) {
  EXPECT_EQ(parse_template("/v2/{a}-{b}/x").parts,
            (std::vector<TemplatePart>{{false, "/v2/"}, {true, "a"}, {false, "-"}, {true, "b"}, {false, "/x"}}));
  EXPECT_EQ(parse_template("").parts, std::vector<TemplatePart>{});
  for (const std::string_view bad :
       {"{", "}", "{}", "{a", "a}", "{a{b}}", "{a b}", "a b", "a\nb", "a\\b", "\"", "\xff"}) {
    EXPECT_FALSE(parse_template(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace postern::config
