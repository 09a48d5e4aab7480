// Error bodies: nothing unescaped, nothing from inside; HTML only for those who ask for it.
#include "http/problem.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "http/reason.h"

namespace postern::http {
namespace {

TEST(Problem, Json) {
  std::array<char, kProblemBodyMax> out{};
  EXPECT_EQ(write_problem_json(out, {.status = 404, .detail = "no route", .request_id = "ab-1"}),
            "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":\"no route\","
            "\"request_id\":\"ab-1\"}\n");
  EXPECT_EQ(write_problem_json(out, {.status = 599}),
            "{\"type\":\"about:blank\",\"title\":\"Error\",\"status\":599}\n");
  EXPECT_EQ(write_problem_json(out, {.status = 400, .title = "a\"\\\n\xff<"}),
            "{\"type\":\"about:blank\",\"title\":\"a\\\"\\\\\\u000a\\u00ff<\",\"status\":400}\n");
}

TEST(Problem, HtmlEscapesEverything) {
  std::array<char, kProblemBodyMax> out{};
  const std::string page(write_problem_html(out, {.status = 400, .detail = "<script>'\"&", .request_id = "<i>"}));
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;&#39;&quot;&amp;"), std::string::npos);
  EXPECT_NE(page.find("Request &lt;i&gt;"), std::string::npos);
  EXPECT_NE(page.find("<h1>400 Bad Request</h1>"), std::string::npos);
}

TEST(Problem, LongTextsAreClippedWhole) {
  std::array<char, kProblemBodyMax> out{};
  const std::string text(100000, '"');
  const Problem problem{.status = 500, .title = text, .detail = text, .request_id = text};
  EXPECT_TRUE(write_problem_json(out, problem).ends_with("\"}\n"));
  EXPECT_TRUE(write_problem_html(out, problem).ends_with("</html>\n"));
  std::array<char, 10> small{};
  EXPECT_EQ(write_problem_json(small, problem).size(), 10U);
}

TEST(PrefersHtml, OnlyWhereAskedFor) {
  for (const char* yes : {"text/html", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                          "application/json;q=0.5, text/html", "TEXT/HTML;q=0.9, application/*;q=0.1", "text/*",
                          "text/html;level=1;q=0.3", "application/problem+json;q=0, text/html;q=0.1"}) {
    EXPECT_TRUE(prefers_html(yes)) << yes;
  }
  for (const char* no : {"", "*/*", "application/json", "text/html;q=0", "text/html, application/json",
                         "text/html;q=0.5, */*", "text/html;q=0.5, application/problem+json", "text/plain", "*/*;q=0.1",
                         "text/html;q=x", ",,;", "application/*, text/*"}) {
    EXPECT_FALSE(prefers_html(no)) << no;
  }
}

TEST(Reason, Phrases) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(299), "");
}

}  // namespace
}  // namespace postern::http
