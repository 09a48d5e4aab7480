// Policies of a config to those of a Snapshot: each route's, and mistakes at the rule's own line.
#include "server/build_policy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace postern::server {
namespace {

config::LoadResult load(const std::string& policies, const std::string& access) {
  const std::string text = policies +
                           "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\n"
                           "[[upstream]]\nname = \"u\"\nendpoints = [\"127.0.0.1:1\"]\n"
                           "[[route]]\nname = \"r\"\npath = \"/v1/{model}\"\nforward = \"u\"\n[route.access]\n" +
                           access;
  return config::load(text, "c.toml", {});
}

TEST(BuildPolicies, GivesRoutesTheirs) {
  const auto loaded = load("[[policy]]\nname = \"ml\"\nallow = ['path.model == \"a\"']\n",
                           "policy = \"ml\"\nshadow_policy = \"authenticated\"");
  ASSERT_TRUE(loaded.ok()) << config::to_string(loaded.diagnostics.front());
  proxy::Snapshot snapshot;
  std::vector<config::Diagnostic> diagnostics;
  build_policies(loaded, 2, snapshot, diagnostics);
  ASSERT_TRUE(diagnostics.empty()) << config::to_string(diagnostics.front());
  ASSERT_EQ(snapshot.route_policies.size(), 1u);
  ASSERT_NE(snapshot.route_policies[0].effective, nullptr);
  EXPECT_EQ(snapshot.route_policies[0].effective->name(), "ml");
  EXPECT_EQ(snapshot.route_policies[0].shadow->name(), "authenticated");
}

TEST(BuildPolicies, NamesTheRulesLine) {
  const auto loaded =
      load("[[policy]]\nname = \"ml\"\nallow = [\n  'true',\n  'path.modle == \"a\"',\n]\n", "policy = \"ml\"");
  ASSERT_TRUE(loaded.ok());
  proxy::Snapshot snapshot;
  std::vector<config::Diagnostic> diagnostics;
  build_policies(loaded, 1, snapshot, diagnostics);
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(config::to_string(diagnostics[0]),
            "c.toml:5:3: policy[0].allow[1]: at character 1: no route's path has a variable \"modle\"; did you mean "
            "\"model\"?");
  EXPECT_EQ(snapshot.policies, nullptr);
}

}  // namespace
}  // namespace postern::server
