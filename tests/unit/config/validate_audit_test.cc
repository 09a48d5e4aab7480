// What audit streams, limits and the routes that use them must agree on.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/load.h"

namespace postern::config {
namespace {

using Lines = std::vector<std::string>;

/// "key: message" of every complaint about a config with two listeners, a route with `route`, and `more`.
Lines complaints(const std::string& route, const std::string& more) {
  const std::string text =
      "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\n[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:0\"\n"
      "[[route]]\nname = \"r\"\npath = \"/*\"\nredirect = \"https://x.example\"\n" +
      route + "\n" + more + "\n";
  Lines found;
  for (const Diagnostic& d : load(text, "/etc/c.toml", {}).diagnostics) found.push_back(d.key + ": " + d.message);
  return found;
}

const std::string kStream = "[[audit]]\nname = \"s\"\nfile = \"/tmp/s\"\n";
const std::string kOther = "[[audit]]\nname = \"t\"\nfile = \"/tmp/t\"\n";

TEST(ValidateAudit, Good) {
  EXPECT_EQ(complaints("", ""), Lines{});
  EXPECT_EQ(complaints("audit = \"intent\"", kStream + "rotate_daily = true\nkeep = 3\nrotate_size = \"64KiB\""),
            Lines{});
  EXPECT_EQ(complaints("audit = \"outcome\"", kStream + "listeners = [\"a\"]\n" + kOther), Lines{});
  EXPECT_EQ(complaints("audit = \"intent\"\nlisteners = [\"a\"]", kStream + "listeners = [\"a\"]"), Lines{});
}

TEST(ValidateAudit, RecordsNeedAStream) {
  EXPECT_EQ(complaints("audit = \"intent\"", ""),
            (Lines{"route[0].audit: there is no [[audit]] stream that could record it"}));
  EXPECT_EQ(complaints("audit = \"intent\"", kStream + "listeners = [\"a\"]"),
            (Lines{"route[0].audit: no [[audit]] stream records the listener \"b\""}));
}

TEST(ValidateAudit, StreamsDoNotShare) {
  EXPECT_EQ(complaints("", kStream + kStream),
            (Lines{"audit[1].listeners: missing: another stream has all that are not named",
                   "audit[1].name: the same name as in line 13", "audit[1].file: the same file as in line 14"}));
  EXPECT_EQ(complaints("", kStream + "listeners = [\"a\"]\n" + kOther + "listeners = [\"b\", \"a\"]"),
            (Lines{"audit[1].listeners: the same listener as in line 15"}));
  EXPECT_EQ(complaints("", kStream + "listeners = [\"aa\"]"), (Lines{"audit[0].listeners: no listener named \"aa\""}));
  EXPECT_EQ(complaints("", kStream + "[access_log]\npath = \"/tmp/s\""),
            (Lines{"audit[0].file: the access log's file"}));
}

TEST(ValidateAudit, Rotation) {
  EXPECT_EQ(complaints("", kStream + "keep = 3"),
            (Lines{"audit[0].keep: has no effect without rotate_size or rotate_daily"}));
  EXPECT_EQ(complaints("", kStream + "rotate_size = \"1KiB\""), (Lines{"audit[0].rotate_size: too small"}));
}

TEST(ValidateLimits, Good) {
  EXPECT_EQ(complaints("[route.access]\nauth = \"none\"\nlimits = [\"l\"]",
                       "[[limit]]\nname = \"l\"\nrequests = 5\nburst = 10\nper = [\"client\"]"),
            Lines{});
}

TEST(ValidateLimits, HaveToLimitSomething) {
  EXPECT_EQ(complaints("", "[[limit]]\nname = \"l\""), (Lines{"limit[0]: it limits nothing"}));
  EXPECT_EQ(complaints("", "[[limit]]\nname = \"l\"\nconcurrent = 5\nburst = 3"),
            (Lines{"limit[0].burst: has no effect without requests"}));
  EXPECT_EQ(complaints("", "[[limit]]\nname = \"l\"\nconcurrent = 5\n[[limit]]\nname = \"l\"\nbody = \"1MiB\""),
            (Lines{"limit[1].name: the same name as in line 13"}));
}

TEST(ValidateLimits, RoutesNameThoseThatThereAre) {
  const std::string limit = "[[limit]]\nname = \"users\"\nrequests = 5";
  EXPECT_EQ(complaints("[route.access]\nauth = \"none\"\nlimits = [\"user\"]", limit),
            (Lines{"route[0].access.limits: no limit named \"user\""}));
}

}  // namespace
}  // namespace postern::config
