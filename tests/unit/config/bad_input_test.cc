// A table of bad configs: what is wrong, and the one line that must say so.
#include <gtest/gtest.h>

#include "config/load.h"

namespace postern::config {
namespace {

// Stands before each case's own text; line 1 to 6.
constexpr std::string_view kHead =
    "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:80\"\n[[upstream]]\nname = \"u\"\nendpoints = [\"h:1\"]\n";
// What a route case needs besides; its own keys follow from line 10.
#define ROUTE "[[route]]\nname = \"r\"\npath = \"/v/{m}\"\n"
#define REPLY ROUTE "reply = {}\n"

struct Case {
  std::string_view text;      // behind kHead
  std::string_view expected;  // the start of the only line
};

class BadInput : public testing::TestWithParam<Case> {};

TEST_P(BadInput, GivesOneLineThatSaysWhatIsWrong) {
  const LoadResult result = load(std::string(kHead) + std::string(GetParam().text), "c", {});
  std::string all;
  for (const Diagnostic& diagnostic : result.diagnostics) all += to_string(diagnostic) + "\n";
  EXPECT_EQ(result.diagnostics.size(), 1u) << all;
  EXPECT_EQ(all.substr(0, GetParam().expected.size()), GetParam().expected) << all;
}

constexpr Case kTypes[] = {
    {"[log]\nlevle = \"info\"\n", "c:8:1: log.levle: unknown key; did you mean \"level\"?"},
    {"[logging]\n", "c:7:2: logging: unknown key"},
    {"[[routes]]\n", "c:7:3: routes: unknown key; did you mean \"route\"?"},
    {"[log]\nlevel = \"inof\"\n",
     "c:8:1: log.level: not one of the words; expected one of \"error\", \"warn\", \"info\", \"debug\"; did you mean "
     "\"info\"?"},
    {"[log]\nlevel = 3\n", "c:8:1: log.level: an integer is not possible here; expected one of"},
    {"[log]\nlevel = 3.5\n", "c:8:1: log.level: a fraction, date or time is not possible here"},
    {"log = 1\n", "c:7:1: upstream[0].log: unknown key"},
    {"[access_log]\nring = -1\n", "c:8:1: access_log.ring: out of range; expected an integer from 64 to 1048576"},
    {"[access_log]\nring = 63\n", "c:8:1: access_log.ring: out of range"},
    {"[access_log]\nring = \"64\"\n", "c:8:1: access_log.ring: a string is not possible here"},
    {"[access_log]\npath = \"a\\u0000b\"\n", "c:8:1: access_log.path: not a file name"},
    {"[[access_log]]\n", "c:7:3: access_log: a list is not possible here; expected a table [access_log]"},
    {"[shutdown]\ndrain_timeout = \"2d\"\n",
     "c:8:1: shutdown.drain_timeout: out of range; expected a duration such as"},
    {"[shutdown]\ndrain_timeout = \"99999999999999999999s\"\n", "c:8:1: shutdown.drain_timeout: not a duration"},
    {"[shutdown]\ndrain_timeout = 30\n", "c:8:1: shutdown.drain_timeout: an integer is not possible here"},
    {"max_idle = 99999999999\n", "c:7:1: upstream[0].max_idle: out of range"},
    {"max_idle = true\n", "c:7:1: upstream[0].max_idle: a boolean is not possible here"},
    {"[upstream.tls]\nverify = \"no\"\n", "c:8:1: upstream[0].tls.verify: a string is not possible here"},
    {REPLY "methods = \"GET\"\n", "c:11:1: route[0].methods: a string is not possible here; expected a list"},
    {REPLY "methods = [1]\n", "c:11:12: route[0].methods[0]: an integer is not possible here"},
    {REPLY "methods = [\"GET\", \"GET\"]\n", "c:11:19: route[0].methods[1]: listed twice"},
    {REPLY "headers = [\"x\"]\n", "c:11:1: route[0].headers: a list is not possible here"},
    {REPLY "headers = {x = 1}\n", "c:11:12: route[0].headers.x: an integer is not possible here"},
    {"[[route]]\npath = \"/\"\nreply = {}\n", "c:7:1: route[0].name: missing"},
    {"[[route]]\nname = \"\"\npath = \"/\"\nreply = {}\n", "c:8:1: route[0].name: not a name"},
    {"[[route]]\nname = \"r\"\nreply = {}\n", "c:7:1: route[0].path: missing"},
    {"[[upstream]]\nname = \"v\"\nendpoints = []\n", "c:9:1: upstream[1].endpoints: must not be empty"},
};
INSTANTIATE_TEST_SUITE_P(Types, BadInput, testing::ValuesIn(kTypes));

constexpr Case kListeners[] = {
    {"[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:81\"\n", "c:8:1: listener[1].name: the same name as in line 2"},
    {"[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:80\"\n",
     "c:9:1: listener[1].address: the same address as in line 3"},
    {"[admin]\nlisten = \"127.0.0.1:80\"\n", "c:8:1: admin.listen: the same address as in line 3"},
    {"[admin]\nlisten = \"9180\"\n", "c:8:1: admin.listen: not an address; expected an address such as"},
    {"[[listener]]\nname = \"b\"\naddress = \"localhost:81\"\n",
     "c:9:1: listener[1].address: a listening address is an IP"},
    {"[[listener]]\nname = \"b\"\naddress = \":81\"\n", "c:9:1: listener[1].address: not an address"},
    {"[[listener]]\nname = \"b\"\naddress = \"::1:81\"\n", "c:9:1: listener[1].address: not an address"},
    {"[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:65536\"\n", "c:9:1: listener[1].address: not an address"},
    {"[[listener]]\nname = \"b\"\naddress = \"unix:relative\"\n", "c:9:1: listener[1].address: not an address"},
    {"[[listener]]\nname = \"b\"\naddress = \"unix:/a\"\nunix_mode = \"0999\"\n",
     "c:10:1: listener[1].unix_mode: not a file mode"},
    {"[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:81\"\ntrusted_proxies = [\"10.0.0.1/8\"]\n",
     "c:10:20: listener[1].trusted_proxies[0]: the address has bits set behind the prefix length"},
    {"[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:81\"\nproxy_protocol_from = [\"10.0.0.0/33\"]\n",
     "c:10:24: listener[1].proxy_protocol_from[0]: not an IP network"},
    {"[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:81\"\nmax_header_bytes = \"4KiB\"\n",
     "c:10:1: listener[1].max_header_bytes: smaller than max_request_line"},
    {"[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:81\"\ntls = {}\n",
     "c:10:1: listener[1].tls.certificate: missing; expected at least one [[listener.tls.certificate]]"},
    {"[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:81\"\n[[listener.tls.certificate]]\ncert = \"a\"\n",
     "c:10:1: listener[1].tls.certificate[0].key: missing"},
    {"[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:81\"\n[listener.tls]\nclient_auth = \"required\"\n"
     "certificate = [{cert = \"a\", key = \"b\"}]\n",
     "c:10:11: listener[1].tls.client_ca: missing"},
    {"[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:81\"\n[listener.tls]\nclient_ca = \"ca\"\n"
     "certificate = [{cert = \"a\", key = \"b\"}]\n",
     "c:11:1: listener[1].tls.client_ca: has no effect while client_auth is \"none\""},
    {"[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:81\"\n[listener.tls]\nalpn = [\"h2c\"]\n"
     "certificate = [{cert = \"a\", key = \"b\"}]\n",
     "c:11:9: listener[1].tls.alpn[0]: not possible here; expected a list of one of \"h2\", \"http/1.1\""},
};
INSTANTIATE_TEST_SUITE_P(Listeners, BadInput, testing::ValuesIn(kListeners));

constexpr Case kUpstreams[] = {
    {"[[upstream]]\nname = \"u\"\nendpoints = [\"h:1\"]\n", "c:8:1: upstream[1].name: the same name as in line 5"},
    {"[[upstream]]\nname = \"a b\"\nendpoints = [\"h:1\"]\n", "c:8:1: upstream[1].name: not a name"},
    {"[[upstream]]\nname = \"v\"\nendpoints = [\"h:0\"]\n", "c:9:14: upstream[1].endpoints[0]: port 0"},
    {"[[upstream]]\nname = \"v\"\nendpoints = [\"http://h:1\"]\n", "c:9:14: upstream[1].endpoints[0]: not an endpoint"},
    {"[[upstream]]\nname = \"v\"\nendpoints = [\"1.2.3:1\"]\n", "c:9:14: upstream[1].endpoints[0]: not an endpoint"},
    {"[[upstream]]\nname = \"v\"\nendpoints = [\"-h:1\"]\n", "c:9:14: upstream[1].endpoints[0]: not an endpoint"},
    {"[upstream.tls]\ncert = \"a\"\n", "c:7:11: upstream[0].tls.key: missing beside cert"},
    {"[upstream.tls]\nsni = \"a:1\"\n", "c:8:1: upstream[0].tls.sni: not a host name"},
    {"[upstream.health]\nkind = \"grpc\"\n",
     "c:8:1: upstream[0].health.kind: gRPC needs HTTP/2; expected protocol = \"h2\", or \"auto\" with [upstream.tls]"},
    {"protocol = \"auto\"\n[upstream.health]\nkind = \"grpc\"\n", "c:9:1: upstream[0].health.kind: gRPC needs HTTP/2"},
    {"[upstream.health]\nkind = \"ping\"\n", "c:8:1: upstream[0].health.kind: not one of the words"},
    {"[upstream.health]\n", "c:7:11: upstream[0].health.kind: missing"},
    {"protocol = \"h2\"\n[upstream.health]\nkind = \"grpc\"\ninterval = \"0s\"\n",
     "c:10:1: upstream[0].health.interval: out of range"},
    {"protocol = \"h2\"\n[upstream.health]\nkind = \"grpc\"\nunhealthy_after = 0\n",
     "c:10:1: upstream[0].health.unhealthy_after: out of range"},
    {"[upstream.health]\nkind = \"tls\"\n",
     "c:8:1: upstream[0].health.kind: nothing says how to speak TLS; expected a table [upstream.tls]"},
    {"[upstream.health]\nkind = \"tcp\"\nservice = \"a\"\n",
     "c:9:1: upstream[0].health.service: has no effect unless kind is \"grpc\""},
    {"[upstream.health]\nkind = \"tcp\"\nexpected_body = \"ok\"\n",
     "c:9:1: upstream[0].health.expected_body: has no effect unless kind is \"http\""},
    {"[upstream.health]\nkind = \"tcp\"\npath = \"/ping\"\n",
     "c:9:1: upstream[0].health.path: has no effect unless kind is \"http\""},
    {"[upstream.health]\nkind = \"http\"\npath = \"ping\"\n", "c:9:1: upstream[0].health.path: no path"},
    {"[upstream.health]\nkind = \"http\"\npath = \"/a b\"\n", "c:9:1: upstream[0].health.path: no path"},
    {"[upstream.health]\nkind = \"http\"\nhost = \"a b\"\n", "c:9:1: upstream[0].health.host: no valid host"},
    {"[upstream.health]\nkind = \"http\"\nexpected_status = [\"2xx\"]\n",
     "c:9:20: upstream[0].health.expected_status[0]: no status; expected a status such as \"200\""},
    {"[upstream.health]\nkind = \"http\"\nexpected_status = [\"299-200\"]\n",
     "c:9:20: upstream[0].health.expected_status[0]: no status"},
    {"[upstream.health]\nkind = \"http\"\nexpected_status = []\n",
     "c:9:1: upstream[0].health.expected_status: must not be empty"},
    {"[upstream.health]\nkind = \"http\"\nmethod = \"HEAD\"\nexpected_body = \"ok\"\n",
     "c:10:1: upstream[0].health.expected_body: the answer to HEAD has no body"},
    {"[upstream.health]\nkind = \"http\"\nexpected_body = \"ok\"\nmax_body = \"1B\"\n",
     "c:9:1: upstream[0].health.expected_body: longer than max_body"},
    {"[upstream.ejection]\nbase_time = \"10s\"\nmax_time = \"9s\"\n",
     "c:9:1: upstream[0].ejection.max_time: shorter than base_time"},
    {"[upstream.ejection]\nmax_share = 0\n", "c:8:1: upstream[0].ejection.max_share: out of range"},
    {"[upstream.tls]\nverify = false\nca = \"a\"\n", "c:9:1: upstream[0].tls.ca: has no effect while verify is false"},
};
INSTANTIATE_TEST_SUITE_P(Upstreams, BadInput, testing::ValuesIn(kUpstreams));

constexpr Case kRoutes[] = {
    {ROUTE, "c:7:1: route[0]: no action; expected one of forward, redirect or [route.reply]"},
    {REPLY "forward = \"u\"\n", "c:10:1: route[0].reply: a second action beside forward"},
    {ROUTE "foward = \"u\"\n", "c:10:1: route[0].foward: unknown key; did you mean \"forward\"?"},
    {ROUTE "forward = \"v\"\n", "c:10:1: route[0].forward: no upstream named \"v\""},
    {REPLY "listeners = [\"a\", \"b\"]\n", "c:11:19: route[0].listeners[1]: no listener named \"b\""},
    {REPLY REPLY "hosts = [\"h\"]\n", "c:12:1: route[1].name: the same name as in line 8"},
    {REPLY "[[route]]\nname = \"s\"\npath = \"/v/{other}\"\nforward = \"u\"\n",
     "c:13:1: route[1].path: never reached: route[0] in line 7 matches the same requests"},
    {REPLY "hosts = [\"A.example\", \"b.example\"]\n[[route]]\nname = \"s\"\npath = \"/v/{m}\"\nforward = \"u\"\n"
           "hosts = [\"b.example\", \"a.example\"]\n",
     "c:14:1: route[1].path: never reached"},
    {REPLY "hosts = [\"a.example:80\"]\n", "c:11:10: route[0].hosts[0]: a host is matched without its port"},
    {REPLY "hosts = [\"a.*.example\"]\n", "c:11:10: route[0].hosts[0]: not a host"},
    {REPLY "methods = [\"get\"]\n", "c:11:12: route[0].methods[0]: methods are case-sensitive"},
    {REPLY "methods = [\"CONNECT\"]\n", "c:11:12: route[0].methods[0]: CONNECT and TRACE"},
    {REPLY "headers = {\"x y\" = \"1\"}\n", "c:11:12: route[0].headers.x y: not a header name"},
    {REPLY "headers = {x = [\"1\"]}\n", "c:11:12: route[0].headers.x: a list is not possible here; expected a string"},
    {REPLY "headers = {x = \"1\", X = \"2\"}\n", "c:11:21: route[0].headers.X: named twice"},
    {ROUTE "forward = \"u\"\nrequest_headers.set = {x = \"a\\r\\nb: c\"}\n",
     "c:11:24: route[0].request_headers.set.x: a header value holds no control characters"},
    {ROUTE "forward = \"u\"\nrequest_headers.remove = [\"Transfer-Encoding\"]\n",
     "c:11:27: route[0].request_headers.remove[0]: this header is written by the proxy alone"},
    {ROUTE "forward = \"u\"\nresponse_trailers = [\"content-length\"]\n",
     "c:11:22: route[0].response_trailers[0]: this header"},
    {ROUTE "forward = \"u\"\nrewrite = \"/x/{n}\"\n", "c:11:1: route[0].rewrite: the path has no variable \"n\""},
    {ROUTE "forward = \"u\"\nrewrite = \"/x/{tail}\"\n", "c:11:1: route[0].rewrite: the path has no variable \"tail\""},
    {ROUTE "forward = \"u\"\nrewrite = \"x\"\n", "c:11:1: route[0].rewrite: a path starts with \"/\""},
    {ROUTE "forward = \"u\"\nrewrite = \"/x?y\"\n", "c:11:1: route[0].rewrite: a path holds no query"},
    {ROUTE "forward = \"u\"\nrewrite = \"/x/..\"\n", "c:11:1: route[0].rewrite: a path holds no dot segment"},
    {ROUTE "forward = \"u\"\nstrip_prefix = \"/w\"\n", "c:11:1: route[0].strip_prefix: not the beginning"},
    {ROUTE "forward = \"u\"\nstrip_prefix = \"/v/\"\n", "c:11:1: route[0].strip_prefix: a prefix has no"},
    {ROUTE "forward = \"u\"\nstrip_prefix = \"/v\"\nrewrite = \"/x\"\n", "c:12:1: route[0].rewrite: a second change"},
    {REPLY "rewrite = \"/x\"\n", "c:11:1: route[0].rewrite: has no effect without forward"},
    {ROUTE "forward = \"u\"\nredirect_status = 301\n",
     "c:11:1: route[0].redirect_status: has no effect without redirect"},
    {ROUTE "redirect = \"/x\"\nredirect_status = 305\n", "c:11:1: route[0].redirect_status: not a redirect status"},
    {ROUTE "redirect = \"//evil.example\"\n", "c:10:1: route[0].redirect: a target that starts with"},
    {ROUTE "redirect = \"https://a.example{m}\"\n", "c:10:1: route[0].redirect: of all variables only {host}"},
    {ROUTE "redirect = \"ftp://a\"\n", "c:10:1: route[0].redirect: not a redirect target"},
    {ROUTE "redirect = \"https://u@a.example/\"\n", "c:10:1: route[0].redirect: no valid host"},
    {ROUTE "redirect = \"/{qurey}\"\n",
     "c:10:1: route[0].redirect: the path has no variable \"qurey\"; did you mean \"query\"?"},
    {ROUTE "redirect = \"/a b\"\n", "c:10:1: route[0].redirect: a character that must be percent-encoded"},
    {ROUTE "reply = {status = 99}\n", "c:10:10: route[0].reply.status: out of range"},
    {ROUTE "reply = {status = 204, body = \"x\"}\n",
     "c:10:24: route[0].reply.body: an answer with status 204 has no body"},
    {ROUTE "reply = {content_type = \"a\\nb\"}\n", "c:10:10: route[0].reply.content_type: a header value holds"},
};
INSTANTIATE_TEST_SUITE_P(Routes, BadInput, testing::ValuesIn(kRoutes));

TEST(BadInput, NoListenerIsAMistake) {
  const LoadResult result = load("", "c", {});
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_EQ(to_string(result.diagnostics[0]), "c:1:1: listener: missing; expected at least one [[listener]]");
}

TEST(BadInput, OneMistakeGivesNoConsequences) {
  // The upstream's name is what is wrong, not the route that points to it.
  const LoadResult result = load(
      "[[listner]]\nname=\"a\"\n[[upstream]]\nnmae=\"u\"\nendpoints=[\"h:1\"]\n"
      "[[route]]\nname=\"r\"\npath=\"/\"\nforward=\"u\"\nlisteners=[\"a\"]\n",
      "c", {});
  ASSERT_EQ(result.diagnostics.size(), 2u);
  EXPECT_EQ(result.diagnostics[0].nearest, "listener");
  EXPECT_EQ(result.diagnostics[1].nearest, "name");
}

}  // namespace
}  // namespace postern::config
