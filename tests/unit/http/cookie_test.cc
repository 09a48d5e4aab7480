// One cookie among many, in whatever order and spacing.
#include "http/cookie.h"

#include <gtest/gtest.h>

namespace postern::http {
namespace {

std::string_view find(std::string_view header, std::string_view name) {
  static Fields fields;
  fields.clear();
  fields.add("Accept", "s=no");
  fields.add("Cookie", header);
  return find_cookie(fields, name);
}

TEST(FindCookie, FindsIt) {
  EXPECT_EQ(find("s=1", "s"), "1");
  EXPECT_EQ(find("a=b; s=1", "s"), "1");
  EXPECT_EQ(find("a=b;s=1 ;c=d", "s"), "1");
  EXPECT_EQ(find("  s=1=2;", "s"), "1=2");
  EXPECT_EQ(find("s=\"q\"", "s"), "q");
  EXPECT_EQ(find("s=first; s=second", "s"), "first");
  EXPECT_EQ(find("s=", "s"), "");
  EXPECT_NE(find("s=", "s").data(), nullptr);
}

TEST(FindCookie, FindsNothingElse) {
  for (const std::string_view header : {"", ";", ";;;=;", "s", "S=1", "ss=1", "as=1", "x=s=1", "s =1", "\"s\"=1"})
    EXPECT_EQ(find(header, "s").data(), nullptr) << header;
}

TEST(FindCookie, LooksAtEveryField) {
  Fields fields;
  fields.add("cookie", "a=1");
  fields.add("cookie", "s=2");
  EXPECT_EQ(find_cookie(fields, "s"), "2");
}

}  // namespace
}  // namespace postern::http
