// load(): positions, suggestions, every mistake at once, values from the environment, limits.
#include "config/load.h"

#include <gtest/gtest.h>

#include <map>

#include "config/print.h"

namespace postern::config {
namespace {

constexpr std::string_view kListener = "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\n";

Environment fake(std::map<std::string, std::string> variables, std::map<std::string, std::string> files = {}) {
  Environment environment;
  environment.variable = [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  environment.read = [files](const std::string& path, std::size_t, std::string& content, std::string& error) {
    const auto found = files.find(path);
    error = "No such file or directory";
    if (found != files.end()) content = found->second;
    return found != files.end();
  };
  return environment;
}

std::vector<std::string> lines_of(const LoadResult& result) {
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : result.diagnostics) lines.push_back(to_string(diagnostic));
  return lines;
}

std::vector<std::string> complaints(const std::string& text, const Environment& environment = fake({})) {
  return lines_of(load(text, "c.toml", environment));
}

using Lines = std::vector<std::string>;

TEST(ConfigLoad, FillsDefaults) {
  const LoadResult result = load(kListener, "c.toml", {});
  ASSERT_EQ(lines_of(result), Lines{});
  const Settings& settings = result.settings;
  EXPECT_EQ(settings.workers, 0u);
  EXPECT_EQ(settings.engine, Engine::automatic);
  EXPECT_EQ(settings.log.level, LogLevel::info);
  EXPECT_EQ(settings.admin_listen, "127.0.0.1:9180");
  EXPECT_EQ(settings.drain_timeout, std::chrono::seconds(30));
  EXPECT_EQ(settings.access_log.ring, 4096u);
  const Listener& listener = settings.listeners.at(0);
  EXPECT_EQ(listener.backlog, 4096u);
  EXPECT_EQ(listener.unix_mode, "0660");
  EXPECT_EQ(listener.max_request_line, 8u << 10);
  EXPECT_EQ(listener.max_header_bytes, 32u << 10);
  EXPECT_EQ(listener.max_header_fields, 100u);
  EXPECT_EQ(listener.header_timeout, std::chrono::seconds(10));
  EXPECT_EQ(listener.keepalive_timeout, std::chrono::seconds(75));
  EXPECT_FALSE(listener.tls.has_value());
  EXPECT_TRUE(listener.trusted_proxies.empty());
}

TEST(ConfigLoad, FillsDefaultsOfOptionalTables) {
  const LoadResult result = load(std::string(kListener) +
                                     "[listener.tls]\n[[listener.tls.certificate]]\ncert=\"a\"\nkey=\"b\"\n"
                                     "[[upstream]]\nname=\"u\"\nendpoints=[\"h:1\"]\n[upstream.tls]\n"
                                     "[[route]]\nname=\"r\"\npath=\"/\"\n[route.reply]\n",
                                 "c.toml", {});
  ASSERT_EQ(lines_of(result), Lines{});
  const ServerTls& tls = result.settings.listeners.at(0).tls.value();
  EXPECT_EQ(tls.alpn, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_EQ(tls.client_depth, 3u);
  EXPECT_EQ(tls.ticket_rotation, std::chrono::hours(12));
  EXPECT_TRUE(result.settings.upstreams.at(0).tls.value().verify);
  EXPECT_EQ(result.settings.upstreams.at(0).connect_timeout, std::chrono::seconds(2));
  EXPECT_EQ(result.settings.upstreams.at(0).keepalive_timeout, std::chrono::seconds(4));
  const Route& route = result.settings.routes.at(0);
  EXPECT_EQ(route.reply.value().status, 200u);
  EXPECT_EQ(route.reply.value().content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(route.redirect_status, 308u);
  EXPECT_EQ(route.response_timeout, std::chrono::seconds(300));
  EXPECT_EQ(route.request_timeout, Duration::zero());
  EXPECT_TRUE(route.preserve_host);
}

TEST(ConfigLoad, ListsEveryMistakeWithItsPlace) {
  const std::string text =
      "workers = \"four\"\n"
      "[[listener]]\n"
      "name = \"public\"\n"
      "adress = \"127.0.0.1:80\"\n"
      "header_timeout = \"10\"\n"
      "[[upstream]]\n"
      "name = \"models\"\n"
      "endpoints = [\"127.0.0.1:9000\", \"nowhere\"]\n"
      "[[route]]\n"
      "name = \"r\"\n"
      "path = \"/a\"\n"
      "  forward = \"model\"\n";
  EXPECT_EQ(
      complaints(text),
      (Lines{
          "c.toml:1:1: workers: a string is not possible here; expected an integer from 0 to 1024",
          "c.toml:4:1: listener[0].adress: unknown key; did you mean \"address\"?",
          "c.toml:5:1: listener[0].header_timeout: not a duration; expected a duration such as \"10s\" from 1ms to 1h",
          "c.toml:8:32: upstream[0].endpoints[1]: not an endpoint; expected \"host:port\", \"[::1]:9000\" or "
          "\"unix:/run/model.sock\"",
          "c.toml:12:3: route[0].forward: no upstream named \"model\"; did you mean \"models\"?"}));
}

TEST(ConfigLoad, ReportsSyntaxErrorOnceWithItsPlace) {
  const LoadResult result = load("workers = 1\n[log\nlevel = 3\n", "c.toml", {});
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_EQ(result.diagnostics[0].line, 2u);
  EXPECT_GT(result.diagnostics[0].column, 1u);
  EXPECT_FALSE(result.parsed);
}

TEST(ConfigLoad, SurvivesWhatTheTomlParserOnlyAssumes) {
  // toml++ 3.3 asserts that a header's key starts well, instead of checking it.
  for (const std::string text : {"[", "[[", "[!]", "[[=]]", "[\n]", "[#]", "[.a]", "[ \r\0]"}) {
    const LoadResult result = load(text, "c.toml", {});
    ASSERT_EQ(result.diagnostics.size(), 1u) << text;
    EXPECT_EQ(result.diagnostics[0].line, 1u) << text;
  }
}

TEST(ConfigLoad, RefusesLettersOutsideOfTextInTheirPlace) {
  const std::string text = "# \u00e9\nx = '\u00e9' # \u00e9\ny = \"\"\"\n\u00e9\"\"\"\n[log]\n n\u00e9 = 1\n";
  EXPECT_EQ(complaints(text), (Lines{"c.toml:6:3: a letter that needs quotes around it"}));
  const Lines open_quote = complaints("a = 1\nb = \"x\nc = \"\"\"y\n\u00e9 = 1\n");
  ASSERT_EQ(open_quote.size(), 1u);
  EXPECT_EQ(open_quote[0].substr(0, 9), "c.toml:2:");
  EXPECT_EQ(complaints("\xef\xbb\xbf" + std::string(kListener)), Lines{});
}

TEST(ConfigLoad, ReportsMistakesBesideAKeyWithANearName) {
  EXPECT_EQ(complaints("[log]\nlevl = \"info\"\nlevel = \"loud\"\n" + std::string(kListener)).size(), 2u);
}

TEST(ConfigLoad, KeepsIndicesBesideItemsThatAreNoTables) {
  const LoadResult result = load("listener = [1, {name=\"b\", address=\"127.0.0.1:0\"}]", "c.toml", {});
  EXPECT_EQ(lines_of(result), (Lines{"c.toml:1:13: listener[0]: an integer is not possible here; expected a table"}));
  EXPECT_EQ(result.settings.listeners.at(1).name, "b");
}

TEST(ConfigLoad, TakesValuesFromEnvironmentAndFiles) {
  const Environment environment =
      fake({{"WORKERS", "3"}, {"ADDRESS", "127.0.0.1:81"}, {"LEVEL", "debug"}, {"SAFE", "false"}},
           {{"etc/token", "s3cret\n"}, {"/run/hosts", "a.example\n"}});
  const LoadResult result = load(
      "workers = \"env:WORKERS\"\n[log]\nlevel = \"env:LEVEL\"\n[[listener]]\nname = \"a\"\naddress = \"env:ADDRESS\"\n"
      "[[upstream]]\nname=\"u\"\nendpoints=[\"h:1\"]\n[[route]]\nname=\"r\"\npath=\"/\"\nhosts=[\"file:/run/hosts\"]\n"
      "forward=\"u\"\npreserve_host=\"env:SAFE\"\nrequest_headers.set={authorization=\"file:token\"}\n",
      "etc/c.toml", environment);
  ASSERT_EQ(lines_of(result), Lines{});
  EXPECT_EQ(result.settings.workers, 3u);
  EXPECT_EQ(result.settings.log.level, LogLevel::debug);
  EXPECT_EQ(result.settings.listeners.at(0).address, "127.0.0.1:81");
  const Route& route = result.settings.routes.at(0);
  EXPECT_EQ(route.hosts, std::vector<std::string>{"a.example"});
  EXPECT_FALSE(route.preserve_host);
  EXPECT_EQ(route.request_headers.set, (NameValues{{"authorization", "s3cret"}}));
}

TEST(ConfigLoad, ReportsMissingVariablesAndFiles) {
  const std::string text = "workers = \"env:NONE\"\n[admin]\nlisten = \"file:none\"\n" + std::string(kListener);
  EXPECT_EQ(complaints(text), (Lines{"c.toml:1:1: workers: environment variable \"NONE\" is not set",
                                     "c.toml:3:1: admin.listen: cannot read \"none\": No such file or directory"}));
}

TEST(ConfigLoad, NeverRepeatsIndirectText) {
  const Environment environment = fake({{"S", "top secret"}}, {});
  const std::string text =
      "engine = \"env:S\"\nworkers = \"env:S\"\n[admin]\nlisten = \"env:S\"\n" + std::string(kListener) +
      "max_body = \"env:S\"\n[[route]]\nname=\"r\"\npath=\"env:S\"\nhosts=[\"env:S\"]\nredirect=\"env:S\"\n";
  const Lines lines = complaints(text, environment);
  EXPECT_EQ(lines.size(), 7u);
  for (const std::string& line : lines) EXPECT_EQ(line.find("secret"), std::string::npos) << line;
}

TEST(ConfigLoad, SeesFileNamesFromTheConfigFile) {
  const std::string text =
      std::string(kListener) +
      "[listener.tls]\nclient_auth=\"optional\"\nclient_ca=\"/abs/ca.pem\"\n"
      "[[listener.tls.certificate]]\ncert=\"a.pem\"\nkey=\"keys/a.key\"\n[access_log]\npath=\"stdout\"\n";
  const LoadResult result = load(text, "/etc/postern/c.toml", {});
  ASSERT_EQ(lines_of(result), Lines{});
  const ServerTls& tls = result.settings.listeners.at(0).tls.value();
  EXPECT_EQ(tls.certificates.at(0).cert, "/etc/postern/a.pem");
  EXPECT_EQ(tls.certificates.at(0).key, "/etc/postern/keys/a.key");
  EXPECT_EQ(tls.certificates.at(0).ocsp, "");
  EXPECT_EQ(tls.client_ca, "/abs/ca.pem");
  EXPECT_EQ(result.settings.access_log.path, "stdout");
}

TEST(ConfigLoad, KnowsWhereEachKeyStands) {
  const LoadResult result = load(std::string(kListener) +
                                     "[listener.tls]\n[[listener.tls.certificate]]\ncert=\"a\"\nkey=\"b\"\n"
                                     "[[listener.tls.certificate]]\ncert=\"c\"\n  key=\"d\"\n",
                                 "c.toml", {});
  const Position position = result.origins.find("listener[0].tls.certificate[1].key");
  EXPECT_EQ(position.line, 10u);
  EXPECT_EQ(position.column, 3u);
  EXPECT_EQ(result.origins.find("listener[0].tls.certificate[1].ocsp").line, 8u);  // the table around
  EXPECT_EQ(result.origins.find("workers").line, 1u);
  EXPECT_EQ(to_string(result.diagnostic("listener[0].tls.certificate[1].key", "cannot be read")),
            "c.toml:10:3: listener[0].tls.certificate[1].key: cannot be read");
}

TEST(ConfigLoad, RefusesWhatWouldExhaustTheStack) {
  const auto deep = [](const std::string& piece, const std::string& end) {
    std::string text;
    for (int i = 0; i < 500'000; ++i) text += piece;
    return text + end;
  };
  EXPECT_EQ(complaints(deep("a.", "a = 1")).size(), 1u);
  EXPECT_EQ(complaints("[" + deep("a.", "a]")).size(), 1u);
  EXPECT_EQ(complaints("x = \"\"\"\n\\\"\"\"\"\"\"\n" + deep("\"a\" . ", "a = 1")).size(), 1u);
  EXPECT_EQ(complaints("x = " + deep("[", "")).size(), 1u);
  EXPECT_EQ(complaints("x = " + deep("{a=", "")).size(), 1u);
  EXPECT_EQ(complaints("x = " + deep("{a.a.a.a=", "")).size(), 1u);
}

TEST(ConfigLoad, DotsInTextAreNoLongKey) {
  const std::string dots(100, '.');
  const std::string text = "# " + dots + "\n" + std::string(kListener) +
                           "[[route]]\nname=\"r\"\npath=\"/\"\nreply.body=\"" + dots + "\\\"" + dots +
                           "\"\n[[route]]\nname=\"s\"\npath=\"/s\"\nreply.body='''" + dots + "''" + dots + "'''''\n";
  EXPECT_EQ(complaints(text), Lines{});
}

TEST(ConfigLoad, RefusesLargeFiles) { EXPECT_EQ(complaints(std::string((4 << 20) + 1, '\n')).size(), 1u); }

TEST(ConfigLoad, ReportsFileThatCannotBeRead) {
  const LoadResult result = load_file("/nonexistent/postern.toml");
  EXPECT_EQ(lines_of(result),
            (Lines{"/nonexistent/postern.toml: cannot read the config file: No such file or directory"}));
  EXPECT_EQ(load_file("/").diagnostics.size(), 1u);
}

TEST(ConfigLoad, LoadsTenThousandRoutes) {
  std::string text(kListener);
  for (int i = 0; i < 10'000; ++i) {
    const std::string n = std::to_string(i);
    text += "[[route]]\nname=\"r" + n + "\"\npath=\"/v1/models/m" + n + "/{x}\"\nreply={status=200}\n";
  }
  const LoadResult result = load(text, "c.toml", {});
  EXPECT_EQ(lines_of(result), Lines{});
  EXPECT_EQ(result.settings.routes.size(), 10'000u);
}

TEST(ConfigPrint, MasksSecrets) {
  const LoadResult result =
      load(std::string(kListener) +
               "[[upstream]]\nname=\"u\"\nendpoints=[\"h:1\"]\n[[route]]\nname=\"r\"\npath=\"/\"\n"
               "forward=\"u\"\nheaders={x-api-key=\"hidden1\"}\n"
               "request_headers={set={authorization=\"hidden2\"},add={cookie=[\"hidden3\",\"b\"]}}\n"
               "response_headers={set={\"x-a~\"=\"shown\\n\"}}\n",
           "c.toml", {});
  EXPECT_EQ(result.diagnostics.size(), 1u) << "the line feed";
  const std::string text = print(result.settings);
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_NE(text.find("set = { authorization = \"********\" }"), std::string::npos) << text;
  EXPECT_NE(text.find("add = { cookie = \"********\" }"), std::string::npos);
}

TEST(ConfigPrint, LoadsAgainAsTheSame) {
  const std::string text =
      std::string(kListener) +
      "max_body=\"3MiB\"\nheader_timeout=\"1500ms\"\ntrusted_proxies=[\"10.0.0.0/8\",\"unix\"]\n"
      "[listener.tls]\n[[listener.tls.certificate]]\ncert=\"/a\"\nkey=\"/b\"\n"
      "[[listener.tls.certificate]]\ncert=\"/c\"\nkey=\"/d\"\n[[listener]]\nname=\"b\"\n"
      "address=\"unix:/x/\\\"y\"\n[[route]]\nname=\"r\"\npath=\"/{a}\"\nredirect=\"/b/{a}{query}\"\n"
      "redirect_status=302\nresponse_headers.add={x-a=[\"1\",\"2\"],\"x.b\"=\"\\t3\\u00e9\\\\4\"}\n";
  const LoadResult first = load(text, "c.toml", {});
  EXPECT_EQ(first.diagnostics.size(), 1u) << "the leading tab";
  const std::string printed = print(first.settings);
  const LoadResult second = load(printed, "c.toml", {});
  EXPECT_EQ(lines_of(second), Lines{}) << printed;
  EXPECT_EQ(print(second.settings), printed);
  EXPECT_EQ(second.settings.listeners.at(0).tls.value().certificates.size(), 2u);
  EXPECT_EQ(second.settings.listeners.at(1).address, "unix:/x/\"y");
}

}  // namespace
}  // namespace postern::config
