// Values that only the logs have: addresses of syslog servers, templates.
#include "config/log_syntax.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/log_template.h"

namespace postern::config {
namespace {

TEST(LogSyntax, SyslogAddresses) {
  EXPECT_EQ(parse_syslog_address("unix:/dev/log")->target, "/dev/log");
  EXPECT_EQ(parse_syslog_address("udp:127.0.0.1:514")->transport, SyslogTransport::udp);
  EXPECT_EQ(parse_syslog_address("tcp:[::1]:601")->target, "[::1]:601");
  EXPECT_EQ(parse_syslog_address("tcp:logs.example.com:601")->transport, SyslogTransport::tcp);
  const std::string long_path = "unix:/" + std::string(200, 'x');
  for (const char* bad : {"", "/dev/log", "unix:", "unix:dev/log", "udp:", "udp:host", "tcp:host:0", "tls:host:6514",
                          "udp:unix:/dev/log", "udp:a b:514", long_path.c_str()}) {
    EXPECT_FALSE(parse_syslog_address(bad)) << bad;
  }
}

TEST(LogSyntax, Tags) {
  EXPECT_EQ(check_syslog_tag("postern"), "");
  for (const std::string& bad : {std::string(), std::string(49, 'x'), std::string("a b"), std::string("a\n")}) {
    EXPECT_NE(check_syslog_tag(bad), "") << bad;
  }
}

TEST(LogTemplate, Parts) {
  const LogTemplate parsed = parse_log_template("{{{client}}} \"{target}\" {status} {user_agent:json}!");
  ASSERT_TRUE(parsed.ok()) << parsed.error;
  const std::vector<LogTemplatePart> expected = {
      {"{", true, LogVariable::client, LogEscape::word},   {"} \"", true, LogVariable::target, LogEscape::quoted},
      {"\" ", true, LogVariable::status, LogEscape::word}, {" ", true, LogVariable::user_agent, LogEscape::json},
      {"!", false, LogVariable::time, LogEscape::word},
  };
  EXPECT_EQ(parsed.parts, expected);
}

TEST(LogTemplate, EveryNameIsAVariable) {
  std::size_t count = 0;
  for (const std::string_view name : log_variables()) {
    const LogTemplate parsed = parse_log_template("{" + std::string(name) + "}");
    ASSERT_TRUE(parsed.ok()) << name;
    EXPECT_EQ(static_cast<std::size_t>(parsed.parts.at(0).variable), count++);
  }
  EXPECT_EQ(count, static_cast<std::size_t>(LogVariable::count_));
}

TEST(LogTemplate, Errors) {
  struct Row {
    std::string text, error, nearest;
  };
  const Row rows[] = {
      {"", "empty", ""},
      {std::string(5000, 'x'), "longer than 4096 bytes", ""},
      {"no variables", "has no {variable}", ""},
      {"{{client}}", "has no {variable}", ""},
      {"{clinet}", "unknown variable \"clinet\"", "client"},
      {"{Client}", "unknown variable \"Client\"", "client"},
      {"{}", "unknown variable \"\"", ""},
      {"{client", "\"{\" without \"}\"; a brace itself is written twice", ""},
      {"{client} }", "\"}\" without \"{\"; a brace itself is written twice", ""},
      {"{client:xml}", "\"client:xml\" ends in something else than \":json\"", ""},
      {"{client}\n{status}", "holds a control character", ""},
      {"{client}\x1b[2J", "holds a control character", ""},
  };
  for (const Row& row : rows) {
    const LogTemplate parsed = parse_log_template(row.text);
    EXPECT_FALSE(parsed.ok()) << row.text;
    EXPECT_EQ(parsed.error, row.error) << row.text;
    EXPECT_EQ(parsed.nearest, row.nearest) << row.text;
    EXPECT_TRUE(parsed.parts.empty()) << row.text;
  }
}

}  // namespace
}  // namespace postern::config
