// Answers of Microsoft's endpoints, good and bent.
#include "identity/graph_answer.h"

#include <gtest/gtest.h>

namespace postern::identity {
namespace {

const std::string kOne = "11111111-2222-3333-4444-555555555555";
const std::string kTwo = "aaaaaaaa-bbbb-cccc-dddd-EEEEEEEEEEEE";

config::HttpUrl graph() { return *config::parse_http_url("https://graph.microsoft.com/v1.0"); }

TEST(GraphAnswer, Guids) {
  EXPECT_TRUE(is_guid(kOne));
  EXPECT_TRUE(is_guid(kTwo));
  for (const std::string& text : {std::string(), kOne.substr(1), kOne + "0", "../" + kOne.substr(3),
                                  "g" + kOne.substr(1), std::string(36, '-'), std::string(36, 'a')})
    EXPECT_FALSE(is_guid(text)) << text;
}

TEST(GraphAnswer, OurOwnToken) {
  const ClientToken good = parse_client_token(R"({"token_type":"bearer","expires_in":3599,"access_token":"ey.a.b"})");
  EXPECT_EQ(good.error, "");
  EXPECT_EQ(good.text.reveal(), "ey.a.b");
  EXPECT_EQ(good.good_for_s, 3599);
  for (const char* body : {
           "",
           "{}",
           R"({"token_type":"Bearer","expires_in":3599})",
           R"({"token_type":"Bearer","expires_in":3599,"access_token":""})",
           R"({"token_type":"Bearer","expires_in":3599,"access_token":"a\r\nX: y"})",
           R"({"token_type":"pop","expires_in":3599,"access_token":"a"})",
           R"({"token_type":"Bearer","expires_in":"x","access_token":"a"})",
           R"({"token_type":"Bearer","expires_in":1,"access_token":"a","access_token":"b"})",
       })
    EXPECT_NE(parse_client_token(body).error, "") << body;
}

TEST(GraphAnswer, PagesOfGroups) {
  std::vector<std::string> groups;
  GroupsPage page = parse_groups_page(R"({"@odata.context":"x","@odata.count":2,"value":[{"id":")" + kOne + R"("}],)" +
                                          R"("@odata.nextLink":"https://graph.microsoft.com/v1.0/next?$skiptoken=x"})",
                                      graph(), groups);
  EXPECT_EQ(page.error, "");
  EXPECT_EQ(page.next, "/v1.0/next?$skiptoken=x");
  page = parse_groups_page(R"({"value":[{"@odata.type":"#microsoft.graph.group","id":")" + kTwo + "\"}]}", graph(),
                           groups);
  EXPECT_EQ(page.error, "");
  EXPECT_EQ(page.next, "");
  EXPECT_EQ(groups, (std::vector<std::string>{kOne, kTwo}));
  EXPECT_EQ(parse_groups_page(R"({"value":[]})", graph(), groups).error, "");
}

TEST(GraphAnswer, NextPagesAreWhereTheFirstOneWas) {
  for (const char* next : {"http://graph.microsoft.com/v1.0/next", "https://graph.microsoft.com:8443/v1.0/next",
                           "https://evil.example/", "https://graph.microsoft.com.evil.example/",
                           "https://graph.microsoft.com@evil.example/", "/v1.0/next", "", "file:///etc/passwd"}) {
    std::vector<std::string> groups;
    const std::string body = R"({"value":[],"@odata.nextLink":")" + std::string(next) + "\"}";
    EXPECT_NE(parse_groups_page(body, graph(), groups).error, "") << next;
  }
}

TEST(GraphAnswer, WhatIsNoListOfGroups) {
  for (const std::string& body :
       {std::string(), std::string("{}"), std::string(R"({"value":{}})"), std::string(R"({"value":["a"]})"),
        std::string(R"({"value":[{"id":"../x"}]})"), std::string(R"({"value":[{"id":7}]})"),
        std::string(R"({"value":[],"value":[]})"), std::string(R"({"value":[],"@odata.nextLink":7})"),
        std::string(R"({"error":{"code":"Authorization_RequestDenied"}})")}) {
    std::vector<std::string> groups;
    EXPECT_NE(parse_groups_page(body, graph(), groups).error, "") << body;
  }
  std::vector<std::string> full(kMostGraphGroups, kOne);
  EXPECT_EQ(parse_groups_page(R"({"value":[{"id":")" + kTwo + "\"}]}", graph(), full).error, "too many groups");
}

}  // namespace
}  // namespace postern::identity
