// What the logs' keys must agree on.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/load.h"

namespace postern::config {
namespace {

/// "key: message" of every complaint about an [access_log] with these lines.
std::vector<std::string> complaints(const std::string& lines) {
  const std::string text = "[access_log]\n" + lines + "\n[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\n";
  std::vector<std::string> found;
  for (const Diagnostic& d : load(text, "/etc/c.toml", {}).diagnostics) found.push_back(d.key + ": " + d.message);
  return found;
}

using Lines = std::vector<std::string>;

TEST(ValidateLogs, Good) {
  for (const char* lines :
       {"", "path = \"stdout\"", "path = \"a.log\"\nrotate = \"daily\"\nkeep = 0\nkeep_days = 7\ncompress = \"zstd\"",
        "path = \"a.log\"\nrotate_size = \"1MiB\"\ncompress = \"gzip\"", "path = \"syslog\"\nsample = \"1%\"",
        "path = \"journald\"\nformat = \"template\"\ntemplate = \"{client}\"", "keep = 7"}) {
    EXPECT_EQ(complaints(lines), Lines{}) << lines;
  }
}

TEST(ValidateLogs, RotationNeedsAFile) {
  const Lines expected = {"access_log.rotate: only a file can be rotated",
                          "access_log.rotate_size: only a file can be rotated"};
  for (const char* path : {"", "stdout", "stderr", "syslog", "journald"}) {
    EXPECT_EQ(complaints("path = \"" + std::string(path) + "\"\nrotate = \"daily\"\nrotate_size = \"1MiB\""), expected);
  }
}

TEST(ValidateLogs, RetentionNeedsRotation) {
  EXPECT_EQ(complaints("path = \"a.log\"\nkeep_days = 1\ncompress = \"gzip\""),
            (Lines{"access_log.keep_days: has no effect without rotate or rotate_size",
                   "access_log.compress: has no effect without rotate or rotate_size"}));
}

TEST(ValidateLogs, Templates) {
  EXPECT_EQ(complaints("format = \"template\""), (Lines{"access_log.template: missing"}));
  EXPECT_EQ(complaints("template = \"{client}\""),
            (Lines{"access_log.template: has no effect unless format is \"template\""}));
  EXPECT_EQ(complaints("format = \"template\"\ntemplate = \"{clien}\""),
            (Lines{"access_log.template: unknown variable \"clien\""}));
}

}  // namespace
}  // namespace postern::config
