// Paths and redirect targets that are made from a match, and what must never come out of them.
#include "route/rewrite.h"

#include "unit/route/routes.h"

namespace postern::route::test {
namespace {

// What the route at `pattern` forwards `path` as; "!" when it refuses.
std::string forwarded(const std::string& pattern, const std::string& rewrite, const std::string& path,
                      std::size_t room = 512) {
  RouteOf route("r", pattern);
  route.forward("models").raw().rewrite = rewrite;
  const auto table = table_of({route});
  const Request request{path};
  const Match out = match(*table, request);
  if (out.route == nullptr) return "404";
  std::vector<char> buffer(room);
  const auto result = out.route->forward()->path.apply(path, out, buffer);
  return result ? std::string(*result) : "!";
}

std::string stripped(const std::string& pattern, const std::string& prefix, const std::string& path) {
  RouteOf route("r", pattern);
  route.forward("models").raw().strip_prefix = prefix;
  const auto table = table_of({route});
  const Request request{path};
  const Match out = match(*table, request);
  if (out.route == nullptr) return "404";
  const auto result = out.route->forward()->path.apply(path, out, {});
  return result ? std::string(*result) : "!";
}

// What the route at `pattern` redirects to; "!" when it refuses.
std::string redirected(const std::string& pattern, const std::string& target, const RedirectInput& input,
                       std::size_t room = 512) {
  const auto table = table_of({RouteOf("r", pattern).redirect(target)});
  const Request request{std::string(input.path)};
  const Match out = match(*table, request);
  if (out.route == nullptr) return "404";
  std::vector<char> buffer(room);
  const auto result = out.route->redirect()->target.fill(input, out, buffer);
  return result ? std::string(*result) : "!";
}

std::vector<std::string> redirect_errors(const std::string& target) {
  std::vector<std::string> errors;
  RedirectTarget::compile(target, {{"m", "n"}, true}, errors);
  return errors;
}

TEST(StripPrefix, LeavesAPathThatStartsWithASlash) {
  EXPECT_EQ(stripped("/api/*", "/api", "/api/v1/x"), "/v1/x");
  EXPECT_EQ(stripped("/api/*", "/api", "/api/"), "/");
  EXPECT_EQ(stripped("/api", "/api", "/api"), "/");
  EXPECT_EQ(stripped("/api/*", "/api/", "/api/v1"), "/v1");
  EXPECT_EQ(stripped("/a/b/{x}:p", "/a/b", "/a/b/m:p"), "/m:p");
  EXPECT_EQ(stripped("/a/*", "/", "/a/b"), "/a/b");
}

TEST(Rewrite, FillsVariablesAndTail) {
  EXPECT_EQ(forwarded("/v1/models/{model}:predict", "/v2/models/{model}/infer", "/v1/models/res%20net:predict"),
            "/v2/models/res%20net/infer");
  EXPECT_EQ(forwarded("/{a}/{b}/*", "/x/{b}-{a}/{tail}", "/1/2/3/4/"), "/x/2-1/3/4/");
  EXPECT_EQ(forwarded("/old/*", "/new/{tail}", "/old/"), "/new/");
  EXPECT_EQ(forwarded("/a", "/b", "/a"), "/b");
}

TEST(Rewrite, NeverMakesDotSegmentsOrNewEscapes) {
  EXPECT_EQ(forwarded("/f/x{a}", "/g/{a}", "/f/x.."), "!");
  EXPECT_EQ(forwarded("/f/x{a}", "/g/{a}/h", "/f/x."), "!");
  EXPECT_EQ(forwarded("/f/x{a}", "/g/.{a}", "/f/x."), "!");
  EXPECT_EQ(forwarded("/f/x{a}", "/g/{a}", "/f/x..."), "/g/...");
  EXPECT_EQ(forwarded("/f/{a}20", "/g/{a}2e", "/f/%20"), "!");  // "%" + "2e"
  EXPECT_EQ(forwarded("/f/{a}20", "/g/{a}zz", "/f/%20"), "!");
  EXPECT_EQ(forwarded("/f/{a}20", "/g/{a}", "/f/%20"), "!");
  EXPECT_EQ(forwarded("/f/{a}20", "/g/{a}20", "/f/%20"), "/g/%20");
}

TEST(Rewrite, NeedsRoomForTheResultTwice) {
  EXPECT_EQ(forwarded("/a/{x}", "/b/{x}", "/a/12345", 16), "/b/12345");
  EXPECT_EQ(forwarded("/a/{x}", "/b/{x}", "/a/12345", 15), "!");
  EXPECT_EQ(forwarded("/a/{x}", "/b/{x}", "/a/12345", 0), "!");
}

TEST(Rewrite, TailStandsAtTheEndAfterASlash) {
  for (const char* text : {"/x{tail}", "/{tail}/x", "/{tail}{m}", "{tail}", "x", "/a//b", "/a?b", "/{nope}", "/{m"}) {
    std::vector<std::string> errors;
    PathRewrite::fill(text, {{"m"}, true}, errors);
    EXPECT_FALSE(errors.empty()) << text;
  }
  std::vector<std::string> errors;
  PathRewrite::fill("/{tail}", {{"m"}, false}, errors);
  EXPECT_EQ(errors.size(), 1u);
}

TEST(Redirect, FillsItsPlaceholders) {
  const RedirectInput input{"http", "example.com:80", "/old/a/b", "?x=1"};
  EXPECT_EQ(redirected("/old/*", "https://{host}{path}{query}", input), "https://example.com:80/old/a/b?x=1");
  EXPECT_EQ(redirected("/old/*", "{scheme}://new.example/{tail}{query}", input), "http://new.example/a/b?x=1");
  EXPECT_EQ(redirected("/old/{m}/*", "/new/{m}/{tail}", input), "/new/a/b");
  EXPECT_EQ(redirected("/old/*", "/login?from={path}", input), "/login?from=/old/a/b");
  EXPECT_EQ(redirected("/old/*", "{path}/more", input), "/old/a/b/more");
}

TEST(Redirect, QueriesAreJoined) {
  const RedirectInput with{"http", "h", "/a", "?x=1"};
  const RedirectInput without{"http", "h", "/a", ""};
  EXPECT_EQ(redirected("/a", "/b?y=2{query}", with), "/b?y=2&x=1");
  EXPECT_EQ(redirected("/a", "/b?y=2{query}", without), "/b?y=2");
  EXPECT_EQ(redirected("/a", "/b?{query}", with), "/b?x=1");
  EXPECT_EQ(redirected("/a", "/b{query}", without), "/b");
}

TEST(Redirect, StaysOnThisHostUnlessTheConfigNamesAnother) {
  EXPECT_EQ(redirected("/out/*", "/{tail}", {"http", "h", "/out//evil.example", ""}), "/evil.example");
  EXPECT_EQ(redirected("/out/*", "/{tail}", {"http", "h", "/out////evil.example", ""}), "/evil.example");
  EXPECT_EQ(redirected("/*", "{path}", {"http", "h", "//evil.example", ""}), "/evil.example");
  EXPECT_EQ(redirected("/*", "/{tail}", {"http", "h", "/\\evil.example", ""}), "!");
}

TEST(Redirect, ClientTextNeverEntersTheAuthority) {
  for (const char* bad :
       {"https://example.com{tail}", "https://{m}/x", "https://{m}.example.com/", "https://a{query}{m}",
        "https://{path}", "https:///x", "//evil.com/", "{tail}", "{m}/x", "ftp://x/", "x", "{host}/a",
        "https://user@host/", "{scheme}/x", "{scheme}", "https://a\r\nb/", "https://a b/"}) {
    EXPECT_FALSE(redirect_errors(bad).empty()) << bad;
  }
  for (const char* good : {"https://example.com{path}", "https://{host}:8443/{m}", "https://e.com/?q={tail}", "/",
                           "{path}", "{scheme}://{host}/", "https://e.com{query}", "http://e.com"}) {
    EXPECT_TRUE(redirect_errors(good).empty()) << good << ": " << redirect_errors(good)[0];
  }
}

TEST(Redirect, RefusesWhatCannotStandInAFieldValue) {
  const auto with_host = [](std::string_view host) {
    return redirected("/a", "https://{host}/", {"http", host, "/a", ""});
  };
  EXPECT_EQ(with_host("ok.example"), "https://ok.example/");
  for (const char* host : {"a\r\nSet-Cookie: x", "a\nb", "a b", "a\tb", "a\x7F", "\xC3\xA9", "a\x01"}) {
    EXPECT_EQ(with_host(host), "!");
  }
  EXPECT_EQ(with_host(std::string_view("a\0b", 3)), "!");
  EXPECT_EQ(redirected("/a", "/b{query}", {"http", "h", "/a", "?\r\nx"}), "!");
  EXPECT_EQ(redirected("/a", "/0123456789", {"http", "h", "/a", ""}, 10), "!");
}

}  // namespace
}  // namespace postern::route::test
