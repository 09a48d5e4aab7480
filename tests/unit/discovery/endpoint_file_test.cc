// The file of endpoints: what it may say, and everything that it may not.
#include "discovery/endpoint_file.h"

#include <gtest/gtest.h>

namespace postern::discovery {
namespace {

TEST(EndpointFile, HasAllThatAnEndpointCanHave) {
  const EndpointFile file = parse_endpoint_file(
      R"({"endpoints": [{"address": "10.0.0.1:80", "weight": 3, "priority": 1, "zone": "a"}, {"address": "m:81"},
          {"address": "unix:/run/m"}, {"address": "[2001:db8::1]:80", "weight": 0}]})");
  EXPECT_EQ(file.error, "");
  const std::vector<FoundEndpoint> want{
      {"10.0.0.1:80", 3, 1, "a"}, {"m:81", 1, 0, ""}, {"unix:/run/m", 1, 0, ""}, {"[2001:db8::1]:80", 0, 0, ""}};
  EXPECT_EQ(file.endpoints, want);
}

TEST(EndpointFile, MayBeEmpty) { EXPECT_EQ(parse_endpoint_file(R"({"endpoints":[]})").error, ""); }

struct Bad {
  const char* text;
  const char* error;
};

class BadEndpointFile : public testing::TestWithParam<Bad> {};

TEST_P(BadEndpointFile, IsRefusedAsAWhole) {
  const EndpointFile file = parse_endpoint_file(GetParam().text);
  EXPECT_NE(file.error.find(GetParam().error), std::string::npos) << file.error;
  EXPECT_FALSE(file.error.empty());
  EXPECT_TRUE(file.endpoints.empty());
}

#define ONE(member) R"({"endpoints":[{"address":"10.0.0.1:80"},{)" member "}]}"

INSTANTIATE_TEST_SUITE_P(
    All, BadEndpointFile,
    testing::Values(
        Bad{"", ""}, Bad{"{", ""}, Bad{"null", "must be an object"}, Bad{"[]", "must be an object"},
        Bad{"{}", "endpoints: missing"}, Bad{R"({"endpoint":[]})", "endpoint: unknown"},
        Bad{R"({"endpoints":[],"x":1})", "x: unknown"}, Bad{R"({"endpoints":[],"endpoints":[]})", "stands twice"},
        Bad{R"({"endpoints":{}})", "must be a list"}, Bad{R"({"endpoints":[1]})", "endpoints[0]: must be an object"},
        Bad{R"({"endpoints":[{}]})", "endpoints[0]: address: missing"},
        Bad{ONE(R"("weight":1)"), "endpoints[1]: address: missing"},
        Bad{ONE(R"("address":"10.0.0.1:80")"), "stands twice"},
        Bad{ONE(R"("address":"a:1","address":"b:1")"), "address: stands twice"},
        Bad{ONE(R"("address":"a:1","wieght":1)"), "wieght: unknown"}, Bad{ONE(R"("address":1)"), "must be a string"},
        Bad{ONE(R"("address":"10.0.0.1")"), "address: must be"}, Bad{ONE(R"("address":"a:0")"), "address: must be"},
        Bad{ONE(R"("address":"a b:80")"), "address: must be"}, Bad{ONE(R"("address":"http://a:80")"), "must be"},
        Bad{ONE(R"("address":"0.0.0.0:80")"), "nobody can be reached"},
        Bad{ONE(R"("address":"[::]:80")"), "nobody can be reached"},
        Bad{ONE(R"("address":"239.1.2.3:80")"), "nobody can be reached"},
        Bad{ONE(R"("address":"a:1","weight":-1)"), "weight: must be a number"},
        Bad{ONE(R"("address":"a:1","weight":1.5)"), "weight: must be a number"},
        Bad{ONE(R"("address":"a:1","weight":"1")"), "weight: must be a number"},
        Bad{ONE(R"("address":"a:1","weight":65536)"), "from 0 to 65535"},
        Bad{ONE(R"("address":"a:1","weight":18446744073709551616)"), ""},
        Bad{ONE(R"("address":"a:1","priority":true)"), "priority: must be a number"},
        Bad{ONE(R"("address":"a:1","zone":"a b")"), "zone: is not a name"},
        Bad{ONE(R"("address":"a:1","zone":null)"), "zone: must be a string"},
        Bad{ONE(R"("address":"a:1","zone":[[[[[[[[1]]]]]]]])"), ""},
        Bad{"{\"endpoints\":[{\"address\":\"a\xff:1\"}]}", ""}, Bad{R"({"endpoints":[]} x)", ""},
        Bad{"endpoints = []", ""}));

TEST(EndpointFile, IsLimited) {
  std::string text = R"({"endpoints":[)";
  for (int i = 0; i < 1'024; ++i) text += R"({"address":"m:)" + std::to_string(i + 1) + "\"},";
  EXPECT_EQ(parse_endpoint_file(text.substr(0, text.size() - 1) + "]}").endpoints.size(), 1'024u);
  EXPECT_EQ(parse_endpoint_file(text + R"({"address":"m:2000"}]})").error, "endpoints: more than 1024");
  EXPECT_EQ(parse_endpoint_file(std::string(kMostFileBytes + 1, ' ')).error, "larger than 1 MiB");
}

}  // namespace
}  // namespace postern::discovery
