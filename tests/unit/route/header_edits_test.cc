// Edits in their order, and the names that config may not touch.
#include "route/header_edits.h"

#include <gtest/gtest.h>

namespace postern::route {
namespace {

std::string text_of(const http::Fields& fields) {
  std::string text;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    text += std::string(fields[i].name) + ": " + std::string(fields[i].value) + "\n";
  }
  return text;
}

HeaderEdits compile(const config::HeaderEdits& edits) {
  std::vector<std::string> errors;
  HeaderEdits compiled = HeaderEdits::compile(edits, errors);
  EXPECT_TRUE(errors.empty()) << errors[0];
  return compiled;
}

TEST(HeaderEdits, RemoveThenSetThenAdd) {
  const HeaderEdits edits = compile({.set = {{"X-Team", "blue"}, {"Server", "postern"}},
                                     .add = {{"X-Tag", "2"}, {"X-Gone", "back"}},
                                     .remove = {"x-gone", "Cookie"}});
  http::Fields fields;
  for (const auto& [name, value] : {std::pair{"x-team", "red"},
                                    {"x-tag", "1"},
                                    {"X-TEAM", "green"},
                                    {"X-Gone", "1"},
                                    {"cookie", "a=b"},
                                    {"accept", "*/*"}}) {
    fields.add(name, value);
  }
  EXPECT_TRUE(edits.apply(fields));
  EXPECT_EQ(text_of(fields), "x-tag: 1\naccept: */*\nX-Team: blue\nServer: postern\nX-Tag: 2\nX-Gone: back\n");
  EXPECT_EQ(fields.find(http::FieldId::server), "postern");
}

TEST(HeaderEdits, NothingToDo) {
  http::Fields fields;
  fields.add("a", "b");
  EXPECT_TRUE(HeaderEdits().empty());
  EXPECT_TRUE(HeaderEdits().apply(fields));
  EXPECT_EQ(text_of(fields), "a: b\n");
}

TEST(HeaderEdits, FullListIsReported) {
  const HeaderEdits edits = compile({.set = {}, .add = {{"x-one", "1"}, {"x-two", "2"}}, .remove = {}});
  http::Fields fields;
  for (std::size_t i = 0; i + 1 < http::Fields::kCapacity; ++i) fields.add("a", "b");
  EXPECT_FALSE(edits.apply(fields));
}

TEST(HeaderEdits, FramingAndHopByHopAreRefusedInEveryList) {
  for (const char* name : {"Content-Length", "transfer-encoding", "CONNECTION", "Keep-Alive", "TE", "Trailer",
                           "Upgrade", "Host", "Proxy-Connection"}) {
    std::vector<std::string> errors;
    HeaderEdits::compile({.set = {{name, "x"}}, .add = {{name, "x"}}, .remove = {name}}, errors);
    EXPECT_EQ(errors.size(), 3u) << name;
    errors.clear();
    TrailerList::compile({name}, errors);
    EXPECT_EQ(errors.size(), 1u) << name;
  }
}

TEST(HeaderEdits, ValuesCannotCarryALineBreakAndStayOutOfTheMessage) {
  std::vector<std::string> errors;
  HeaderEdits::compile({.set = {{"x-a", "secret\r\nx-b: 1"}}, .add = {{"bad name", "x"}}, .remove = {""}}, errors);
  ASSERT_EQ(errors.size(), 3u);
  for (const std::string& error : errors) EXPECT_EQ(error.find("secret"), std::string::npos);
}

TEST(HeaderEdits, SettingANameTwiceIsAMistake) {
  std::vector<std::string> errors;
  HeaderEdits::compile({.set = {{"x-a", "1"}, {"X-A", "2"}}, .add = {}, .remove = {}}, errors);
  EXPECT_EQ(errors.size(), 1u);
}

TEST(TrailerList, AllowsOnlyWhatItNames) {
  std::vector<std::string> errors;
  const TrailerList list = TrailerList::compile({"X-Checksum", "Date"}, errors);
  EXPECT_TRUE(errors.empty());
  EXPECT_TRUE(list.allows("x-checksum"));
  EXPECT_TRUE(list.allows("DATE"));
  EXPECT_FALSE(list.allows("x-checksum2"));
  EXPECT_FALSE(list.allows("authorization"));
  EXPECT_FALSE(TrailerList().allows("x-checksum"));
}

}  // namespace
}  // namespace postern::route
