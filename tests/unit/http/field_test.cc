// Names, comparing, and the field list.
#include "http/field.h"

#include <gtest/gtest.h>

#include <string>

#include "http/fields.h"
#include "http/head.h"
#include "http/hop.h"
#include "http/list.h"

namespace postern::http {
namespace {

TEST(FieldId, KnowsEveryNameInAnyCase) {
  for (unsigned i = 1; i <= static_cast<unsigned>(FieldId::x_request_id); ++i) {
    const auto id = static_cast<FieldId>(i);
    std::string name(field_name(id));
    ASSERT_FALSE(name.empty()) << i;
    EXPECT_EQ(field_id(name), id) << name;
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(field_id(name), id) << name;
    for (char& c : name) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(field_id(name), id) << name;
  }
}

TEST(FieldId, OneByteOffIsAnotherName) {
  for (unsigned i = 1; i <= static_cast<unsigned>(FieldId::x_request_id); ++i) {
    const std::string name(field_name(static_cast<FieldId>(i)));
    for (std::size_t at = 0; at < name.size(); ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string other = name;
        other[at] = static_cast<char>(c);
        const bool same = iequals(other, name);
        EXPECT_EQ(field_id(other) == static_cast<FieldId>(i), same) << other;
      }
    }
    EXPECT_EQ(field_id(name + "s"), FieldId::other);
    EXPECT_NE(field_id(std::string_view(name).substr(1)), static_cast<FieldId>(i));
  }
  EXPECT_EQ(field_id(""), FieldId::other);
  EXPECT_EQ(field_id("x"), FieldId::other);
}

TEST(Iequals, FoldsLettersOnly) {
  EXPECT_TRUE(iequals("aZ-09", "Az-09"));
  EXPECT_FALSE(iequals("a-b", "a\rb"));
  EXPECT_FALSE(iequals("[", "{"));
  EXPECT_FALSE(iequals("@", "`"));
  EXPECT_FALSE(iequals("ab", "abc"));
  EXPECT_TRUE(iequals("", ""));
}

TEST(Fields, KeepsOrderAndDuplicates) {
  Fields fields;
  EXPECT_TRUE(fields.add("Set-Cookie", "a"));
  EXPECT_TRUE(fields.add("X-One", "1"));
  EXPECT_TRUE(fields.add("set-cookie", "b"));
  EXPECT_EQ(fields.count(FieldId::set_cookie), 2U);
  EXPECT_EQ(fields.find(FieldId::set_cookie), "a");
  EXPECT_EQ(fields.find("x-ONE"), "1");
  EXPECT_EQ(fields.find("absent").data(), nullptr);
  EXPECT_TRUE(fields.set("SET-COOKIE", "c"));
  EXPECT_EQ(fields.count(FieldId::set_cookie), 1U);
  fields.remove("X-one");
  EXPECT_EQ(fields.size(), 1U);
  EXPECT_EQ(fields[0].value, "c");
}

TEST(Fields, RefusesWhatDoesNotFit) {
  Fields fields;
  for (std::size_t i = 0; i < Fields::kCapacity; ++i) EXPECT_TRUE(fields.add("X", "1"));
  EXPECT_FALSE(fields.add("X", "1"));
  EXPECT_EQ(fields.size(), Fields::kCapacity);
}

TEST(Method, ByToken) {
  EXPECT_EQ(method_of("GET"), Method::get);
  EXPECT_EQ(method_of("QUERY"), Method::query);
  EXPECT_EQ(method_of("get"), Method::other);
  EXPECT_EQ(method_of(""), Method::other);
  EXPECT_TRUE(is_idempotent(Method::del));
  EXPECT_FALSE(is_idempotent(Method::post));
  EXPECT_FALSE(is_idempotent(Method::other));
}

std::string names_after_strip(std::initializer_list<std::pair<const char*, const char*>> fields) {
  Fields list;
  for (const auto& [name, value] : fields) list.add(name, value);
  strip_hop_by_hop(list);
  std::string names;
  for (std::size_t i = 0; i < list.size(); ++i) names += std::string(list[i].name) + " ";
  return names;
}

TEST(HopByHop, I1ConnectionNamesFields) {
  EXPECT_EQ(names_after_strip({{"Host", "h"},
                               {"X-User", "root"},
                               {"Connection", "x-user, X-Forwarded-For, Host, Content-Length"},
                               {"X-Forwarded-For", "1"},
                               {"Content-Length", "5"},
                               {"X-Other", "1"},
                               {"connection", "close, Authorization"},
                               {"Authorization", "a"}}),
            "Host X-Forwarded-For Content-Length X-Other ");
}

TEST(HopByHop, I3I5NeverPass) {
  EXPECT_EQ(names_after_strip({{"Connection", "keep-alive"},
                               {"Keep-Alive", "5"},
                               {"Proxy-Connection", "x"},
                               {"TE", "trailers"},
                               {"Trailer", "x"},
                               {"Upgrade", "h2c"},
                               {"HTTP2-Settings", "x"},
                               {"Transfer-Encoding", "chunked"},
                               {"Proxy-Authorization", "x"},
                               {"Proxy-Authenticate", "x"},
                               {"Accept", "x"}}),
            "HTTP2-Settings Accept ");
}

TEST(List, Tokens) {
  std::string seen;
  for_each_token(" a ,,b\t, c d,", [&](std::string_view token) { seen += "<" + std::string(token) + ">"; });
  EXPECT_EQ(seen, "<a><b><c d>");
  seen.clear();
  for_each_element(R"(a="x,\"y",b;c, "d)", ',', [&](std::string_view e) { seen += "<" + std::string(e) + ">"; });
  EXPECT_EQ(seen, R"(<a="x,\"y"><b;c><"d>)");
  for_each_element("", ',', [&](std::string_view) { FAIL(); });
  for_each_element("\"a\\", ',', [&](std::string_view e) { EXPECT_EQ(e, "\"a\\"); });
}

}  // namespace
}  // namespace postern::http
