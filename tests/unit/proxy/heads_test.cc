// What changes in a head on its way through: forwarding fields for trusted and other peers, hop-by-hop fields, Via,
// edits.
#include "proxy/heads.h"

#include <gtest/gtest.h>

#include "unit/proxy/fake_exchange.h"

namespace postern::proxy {
namespace {

using http::FieldId;

class Heads : public ::testing::Test {
 protected:
  Heads() { route_.path = "/*"; }

  /// Everything up to the context of a request with these fields; the peer is 203.0.113.7.
  RequestContext& context(const std::vector<std::pair<std::string, std::string>>& fields, bool trusted = false,
                          const std::vector<std::string>& trusted_proxies = {}) {
    fields_ = fields;
    route_.name = "r";
    route_.forward = "u";
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->listeners.resize(1);
    snapshot->listeners[0].trusted_proxies = net::CidrList(trusted_proxies);
    std::vector<route::Problem> problems;
    snapshot->routes = route::RouteTable::build(
        {route_}, {"a"}, [](std::string_view) { return std::optional<std::uint32_t>(0); }, problems);
    for (const route::Problem& problem : problems) ADD_FAILURE() << problem.key << " " << problem.message;
    auto generation = std::make_unique<Generation>();
    generation->snapshot = snapshot;
    exchange_.who.address = *http::parse_ip("203.0.113.7");
    exchange_.who.address_text = "203.0.113.7";
    exchange_.who.trusted = trusted;
    http::RequestHead& head = exchange_.head;
    head.method = http::Method::get;
    head.method_token = "GET";
    head.authority = head.host = "front.example";
    head.path = "/x";
    for (const auto& [name, value] : fields_) head.fields.add(name, value);
    rc_.emplace(exchange_, GenerationPin(generation.release()), 0);
    rc_->request_id = "0123456789abcdef";
    rc_->authority = head.authority;
    const route::MatchInput input{0, head.host, head.path, head.method, head.method_token, head.fields};
    rc_->generation->snapshot->routes->match(input, rc_->match);
    EXPECT_NE(rc_->match.route, nullptr);
    find_client(*rc_);
    return *rc_;
  }
  std::string field(std::string_view name) { return std::string(exchange_.head.fields.find(name)); }
  std::size_t count(FieldId id) { return exchange_.head.fields.count(id); }

  config::Route route_;
  std::vector<std::pair<std::string, std::string>> fields_;
  test::FakeExchange exchange_;
  std::optional<RequestContext> rc_;
};

TEST_F(Heads, StrangersAreNotBelieved) {
  RequestContext& rc = context({{"X-Forwarded-For", "10.0.0.1"},
                                {"X-Forwarded-Proto", "https"},
                                {"X-Forwarded-Host", "evil.example"},
                                {"X-Forwarded-Port", "443"},
                                {"Forwarded", "for=10.0.0.1"},
                                {"X-Real-IP", "10.0.0.1"},
                                {"X-Request-ID", "theirs"}});
  EXPECT_EQ(rc.client, "203.0.113.7");
  ASSERT_EQ(prepare_request(rc), nullptr);
  EXPECT_EQ(field("X-Forwarded-For"), "203.0.113.7");
  EXPECT_EQ(field("X-Forwarded-Proto"), "http");
  EXPECT_EQ(field("X-Forwarded-Host"), "front.example");
  EXPECT_EQ(field("X-Request-ID"), "0123456789abcdef");
  EXPECT_EQ(count(FieldId::forwarded), 0u);
  EXPECT_EQ(count(FieldId::x_real_ip), 0u);
  EXPECT_EQ(count(FieldId::x_forwarded_port), 0u);
  EXPECT_EQ(count(FieldId::x_forwarded_for), 1u);
}

TEST_F(Heads, TrustedPeersAreBelievedAndTheChainGrows) {
  RequestContext& rc = context({{"X-Forwarded-For", "198.51.100.9"},
                                {"X-Forwarded-For", "203.0.113.8"},
                                {"X-Forwarded-Proto", "https"},
                                {"X-Forwarded-Host", "public.example"},
                                {"X-Request-ID", "theirs"}},
                               true, {"203.0.113.0/24"});
  EXPECT_EQ(rc.client, "198.51.100.9");
  ASSERT_EQ(prepare_request(rc), nullptr);
  EXPECT_EQ(field("X-Forwarded-For"), "198.51.100.9, 203.0.113.8, 203.0.113.7");
  EXPECT_EQ(field("X-Forwarded-Proto"), "https");
  EXPECT_EQ(field("X-Forwarded-Host"), "public.example");
  EXPECT_EQ(field("X-Request-ID"), "theirs");
  EXPECT_EQ(rc.request_id, "theirs");
  EXPECT_EQ(count(FieldId::x_forwarded_for), 1u);
}

TEST_F(Heads, AChainThatIsTooLongIsDroppedNotCut) {
  std::string chain;
  for (int i = 0; chain.size() < 2'000; ++i) chain += (i ? ", 198.51.100." : "198.51.100.") + std::to_string(i % 250);
  RequestContext& rc = context({{"X-Forwarded-For", chain}}, true, {"203.0.113.0/24"});
  ASSERT_EQ(prepare_request(rc), nullptr);
  EXPECT_EQ(field("X-Forwarded-For"), "203.0.113.7");
}

TEST_F(Heads, AnOverlongRequestIdIsReplaced) {
  RequestContext& rc = context({{"X-Request-ID", std::string(200, 'x')}}, true, {"203.0.113.0/24"});
  ASSERT_EQ(prepare_request(rc), nullptr);
  EXPECT_EQ(field("X-Request-ID"), "0123456789abcdef");
}

TEST_F(Heads, HopByHopFieldsStayBehind) {
  RequestContext& rc = context({{"Connection", "keep-alive, X-Secret"},
                                {"Keep-Alive", "5"},
                                {"Upgrade", "websocket"},
                                {"TE", "trailers"},
                                {"Proxy-Authorization", "Basic x"},
                                {"X-Secret", "1"},
                                {"Expect", "100-continue"},
                                {"Authorization", "Bearer y"}});
  ASSERT_EQ(prepare_request(rc), nullptr);
  for (const char* gone : {"Connection", "Keep-Alive", "Upgrade", "TE", "Proxy-Authorization", "X-Secret", "Expect"}) {
    EXPECT_FALSE(exchange_.head.fields.find(gone).data()) << gone;
  }
  EXPECT_EQ(field("Authorization"), "Bearer y");
}

TEST_F(Heads, ConnectionCannotNameForwardingFieldsAway) {
  RequestContext& rc = context({{"Connection", "X-Forwarded-For, X-Request-ID, Host"}, {"Host", "front.example"}});
  ASSERT_EQ(prepare_request(rc), nullptr);
  EXPECT_EQ(field("X-Forwarded-For"), "203.0.113.7");
  EXPECT_EQ(field("Host"), "front.example");
}

TEST_F(Heads, ViaSaysWhatItCameOn) {
  RequestContext& rc = context({{"Via", "1.1 before"}});
  ASSERT_EQ(prepare_request(rc), nullptr);
  EXPECT_EQ(count(FieldId::via), 2u);
  EXPECT_EQ(exchange_.head.fields[exchange_.head.fields.size() - 1].value, "1.1 postern");
}

TEST_F(Heads, RouteEditsComeLast) {
  route_.request_headers.set = {{"X-Forwarded-Host", "edited"}, {"X-New", "1"}};
  route_.request_headers.remove = {"Via"};
  ASSERT_EQ(prepare_request(context({})), nullptr);
  EXPECT_EQ(field("X-Forwarded-Host"), "edited");
  EXPECT_EQ(field("X-New"), "1");
  EXPECT_EQ(count(FieldId::via), 0u);
}

TEST_F(Heads, NoRoomForMoreFieldsIsA431) {
  std::vector<std::pair<std::string, std::string>> many;
  for (std::size_t i = 0; i < http::Fields::kCapacity - 2; ++i) many.emplace_back("X-" + std::to_string(i), "1");
  const Reply* reply = prepare_request(context(many));
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->status, 431);
}

TEST_F(Heads, ResponsesLoseHopByHopAndGainADate) {
  RequestContext& rc = context({});
  http::ResponseHead head;
  head.fields.add("Connection", "X-Internal");
  head.fields.add("X-Internal", "1");
  head.fields.add("X-Kept", "1");
  ASSERT_TRUE(prepare_response(rc, head, "Thu, 01 Jan 1970 00:00:00 GMT"));
  EXPECT_FALSE(head.fields.has(FieldId::connection));
  EXPECT_FALSE(head.fields.find("X-Internal").data());
  EXPECT_EQ(head.fields.find("X-Kept"), "1");
  EXPECT_EQ(head.fields.find(FieldId::date), "Thu, 01 Jan 1970 00:00:00 GMT");
  ASSERT_TRUE(prepare_response(rc, head, "later"));
  EXPECT_EQ(head.fields.count(FieldId::date), 1u);
}

TEST_F(Heads, OnlyListedTrailersPass) {
  route_.response_trailers = {"X-Sum", "grpc-status"};
  RequestContext& rc = context({});
  const route::TrailerList& list = rc.match.route->forward()->response_trailers;
  http::Fields all, out;
  EXPECT_EQ(allowed_trailers(list, all, out), nullptr);
  all.add("X-Other", "1");
  EXPECT_EQ(allowed_trailers(list, all, out), nullptr);
  all.add("x-sum", "5");
  const http::Fields* allowed = allowed_trailers(list, all, out);
  ASSERT_NE(allowed, nullptr);
  EXPECT_EQ(allowed->size(), 1u);
  EXPECT_EQ((*allowed)[0].value, "5");
  EXPECT_EQ(allowed_trailers(rc.match.route->forward()->request_trailers, all, out), nullptr);
}

TEST_F(Heads, ATunnelKeepsWhatTheLogWillSayAndNothingElse) {
  std::string agent = "agent/1", id = "from-outside", target = "/x?y";
  RequestContext& rc = context({{"User-Agent", "a"}, {"Accept", "b"}});
  rc.request().fields.set("User-Agent", agent);
  rc.request().fields.add("Referer", "r");
  rc.request().target = target;
  rc.request_id = id;
  settle_head(rc);
  agent = id = target = "xxxxxxxxxxxxxxxxx";  // the blocks are somebody else's now
  EXPECT_EQ(rc.request().fields.size(), 2u);
  EXPECT_EQ(field("User-Agent"), "agent/1");
  EXPECT_EQ(field("Referer"), "r");
  EXPECT_EQ(rc.request().target, "/x?y");
  EXPECT_EQ(rc.request().method_token, "GET");
  EXPECT_EQ(rc.request_id, "from-outside");
  EXPECT_EQ(rc.authority, "front.example");
}

}  // namespace
}  // namespace postern::proxy
