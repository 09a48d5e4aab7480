// What policies and routes must agree on.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/load.h"

namespace postern::config {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kPolicy = "[[policy]]\nname = \"ml\"\nallow = ['groups has \"ml\"']\n";

/// "key: message" of every complaint; `access`: the route's, with its header.
Lines complaints(const std::string& text, const std::string& access) {
  const std::string whole =
      "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\n[[upstream]]\nname = \"u\"\nendpoints = "
      "[\"127.0.0.1:1\"]\n" +
      text + "[[route]]\nname = \"r\"\npath = \"/*\"\nforward = \"u\"\n" + access;
  Lines found;
  for (const Diagnostic& d : load(whole, "/etc/c.toml", {}).diagnostics) {
    found.push_back(d.key + ": " + d.message);
    if (!d.nearest.empty()) found.back() += " (" + d.nearest + ")";
  }
  return found;
}

std::string access(const std::string& lines) { return "[route.access]\n" + lines; }

TEST(ValidatePolicy, Good) {
  EXPECT_EQ(complaints("", ""), Lines{});
  EXPECT_EQ(complaints(kPolicy, access("policy = \"ml\"")), Lines{});
  EXPECT_EQ(complaints(kPolicy, access("policy = \"authenticated\"\nshadow_policy = \"ml\"")), Lines{});
  EXPECT_EQ(complaints(kPolicy, access("auth = \"optional\"\npolicy = \"ml\"")), Lines{});
  EXPECT_EQ(complaints(kPolicy, access("auth = \"none\"")), Lines{});
  EXPECT_EQ(complaints("[[role_mapping]]\nrole = \"x\"\ngroups = [\"a\"]\n", ""), Lines{});
}

TEST(ValidatePolicy, NamesThatLeadNowhere) {
  EXPECT_EQ(complaints(kPolicy, access("policy = \"mk\"\nshadow_policy = \"autenticated\"")),
            (Lines{"route[0].access.policy: no policy named \"mk\" (ml)",
                   "route[0].access.shadow_policy: no policy named \"autenticated\" (authenticated)"}));
}

TEST(ValidatePolicy, WhoeverAsksWhoSaysWhoMay) {
  const Lines missing{"route[0].access.policy: missing: that somebody is known does not say that they may"};
  EXPECT_EQ(complaints(kPolicy, access("")), missing);
  EXPECT_EQ(complaints("", access("auth = \"optional\"")), missing);
  EXPECT_EQ(complaints(kPolicy, access("auth = \"none\"\npolicy = \"authenticated\"")),
            Lines{"route[0].access.policy: serves nobody, as auth is \"none\" and so nobody is ever known"});
}

TEST(ValidatePolicy, NoRouteIsOpenByOversight) {
  EXPECT_EQ(complaints(kPolicy, ""), Lines{"route[0].access: missing: this config knows callers, so a route that "
                                           "forwards has to say whom it serves"});
}

TEST(ValidatePolicy, PoliciesByThemselves) {
  const std::string reserved = "[[policy]]\nname = \"authenticated\"\nallow = [\"true\"]\n";
  EXPECT_EQ(complaints(reserved, access("policy = \"authenticated\"")),
            Lines{"policy[0].name: the name of the built-in policy, which lets in everybody who is known"});
  EXPECT_EQ(complaints(std::string(kPolicy) + kPolicy, access("policy = \"ml\"")),
            Lines{"policy[1].name: the same name as in line 8"});
  EXPECT_EQ(complaints("[[policy]]\nname = \"ml\"\ndeny = [\"true\"]\n", access("policy = \"ml\"")),
            Lines{"policy[0].allow: without a rule that allows, the policy lets nobody in"});
}

TEST(ValidatePolicy, RolesThatNobodyHas) {
  EXPECT_EQ(
      complaints("[[role_mapping]]\nrole = \"x\"\n[[role_mapping]]\nrole = \"y\"\ngroups = [\"\"]\n", ""),
      (Lines{"role_mapping[0]: nobody has this role", "role_mapping[1].groups[0]: an empty name, which nobody has"}));
}

}  // namespace
}  // namespace postern::config
