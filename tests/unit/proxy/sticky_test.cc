// Affinity: what is hashed of a request, whose cookie is believed, and what cookie an answer brings.
#include "proxy/sticky.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "net/tls_client_context.h"
#include "proxy/heads.h"
#include "unit/proxy/fake_exchange.h"
#include "unit/upstream/clusters.h"

namespace postern::proxy {
namespace {

constexpr std::string_view kKey = "0123456789abcdef0123456789abcdef";

class Affinity : public ::testing::Test {
 protected:
  Affinity() {
    upstream::ClusterSpec spec;
    spec.name = "u";
    spec.sticky_key = std::make_shared<const crypto::SecretText>(kKey);
    cluster_ = std::make_unique<upstream::Cluster>(loop_, spec, test::shared_upstream(test::endpoints_at(1, 3)),
                                                   nullptr, row_);
    upstream_.sticky = StickyPolicy{"SID", "; Path=/; HttpOnly; SameSite=Lax"};
  }

  RequestContext& context(const std::vector<std::pair<std::string, std::string>>& fields, std::string_view body = {}) {
    fields_ = fields;
    config::Route route;
    route.name = "r";
    route.path = "/{first}/x/{second}";
    route.forward = "u";
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->listeners.resize(1);
    snapshot->upstreams.push_back(upstream_);
    std::vector<route::Problem> problems;
    snapshot->routes = route::RouteTable::build(
        {route}, {"a"}, [](std::string_view) { return std::optional<std::uint32_t>(0); }, problems);
    auto generation = std::make_unique<Generation>();
    generation->snapshot = snapshot;
    exchange_.who.address_text = "203.0.113.7";
    http::RequestHead& head = exchange_.head;
    head.fields.clear();
    head.method = http::Method::get;
    head.path = "/one/x/two";
    for (const auto& [name, value] : fields_) head.fields.add(name, value);
    rc_.emplace(exchange_, GenerationPin(generation.release()), 0);
    const route::MatchInput input{0, "h", head.path, head.method, "GET", head.fields};
    rc_->generation->snapshot->routes->match(input, rc_->match);
    find_client(*rc_);
    rc_->cluster = cluster_.get();
    find_affinity(*rc_, body);
    return *rc_;
  }
  std::optional<std::uint64_t> key(std::string_view text, std::vector<std::pair<std::string, std::string>> fields = {},
                                   std::string_view body = {}) {
    upstream_.hash_key = HashKeySpec::parse(text);
    upstream_.hash_key.variables = {1};
    return context(fields, body).hash_key;
  }
  /// Set-Cookie on an answer of the n-th endpoint; empty: none.
  std::string answer_of(std::size_t endpoint, std::uint16_t status = 200) {
    rc_->endpoint = cluster_->endpoints()[endpoint];
    http::ResponseHead head;
    head.status = status;
    EXPECT_TRUE(prepare_response(*rc_, head, "now"));
    return std::string(head.fields.find(http::FieldId::set_cookie));
  }
  std::string token(std::size_t endpoint) const { return std::string(cluster_->endpoints()[endpoint]->token()); }

  net::Loop loop_;
  metrics::UpstreamRow row_{};
  std::unique_ptr<upstream::Cluster> cluster_;
  Snapshot::UpstreamSpec upstream_;
  std::vector<std::pair<std::string, std::string>> fields_;
  test::FakeExchange exchange_;
  std::optional<RequestContext> rc_;
};

TEST_F(Affinity, HashesWhatTheUpstreamSays) {
  EXPECT_EQ(key(""), std::nullopt);
  EXPECT_EQ(key("client"), hash_text("203.0.113.7"));
  EXPECT_EQ(key("header:X-Tenant", {{"x-tenant", "acme"}}), hash_text("acme"));
  EXPECT_EQ(key("header:X-Tenant"), std::nullopt);
  EXPECT_EQ(key("cookie:s", {{"Cookie", "a=1; s=me"}}), hash_text("me"));
  EXPECT_EQ(key("cookie:s", {{"Cookie", "ss=me"}}), std::nullopt);
  EXPECT_EQ(key("path:second"), hash_text("two"));
  EXPECT_EQ(key("body", {}, "{\"a\":1}"), hash_text("{\"a\":1}"));
  EXPECT_EQ(key("body"), std::nullopt);
}

TEST_F(Affinity, BelievesItsOwnCookie) {
  for (std::size_t i = 0; i < 3; ++i) {
    context({{"Cookie", "x=y; SID=" + token(i)}});
    EXPECT_EQ(rc_->sticky, cluster_->endpoints()[i]->id());
    EXPECT_EQ(answer_of(i), "");  // the client has it
    EXPECT_EQ(cluster_->pick({.sticky = rc_->sticky})->id(), rc_->sticky);
  }
}

TEST_F(Affinity, IgnoresAndReplacesWhatIsNotItsOwn) {
  const std::string good = token(0);
  std::string flipped = good;
  flipped.back() = flipped.back() == '0' ? '1' : '0';
  std::string other_id = token(1).substr(0, 16) + good.substr(16);
  std::string upper = good;
  for (char& c : upper) c = static_cast<char>(::toupper(c));
  upstream::EndpointToken foreign;
  ASSERT_TRUE(upstream::make_token("another key, as long as it has to", "u", cluster_->endpoints()[0]->id(), foreign));
  upstream::EndpointToken elsewhere;  // our key, but for another upstream
  ASSERT_TRUE(upstream::make_token(kKey, "v", cluster_->endpoints()[0]->id(), elsewhere));
  upstream::EndpointToken gone;  // our key, but of an endpoint that is not there
  ASSERT_TRUE(upstream::make_token(kKey, "u", 42, gone));
  const std::string bad[] = {
      "",
      "0",
      good.substr(0, 47),
      good + "0",
      good + good,
      flipped,
      other_id,
      upper == good ? "x" : upper,
      good.substr(16) + good.substr(0, 16),
      std::string(48, '0'),
      std::string(48, 'g'),
      std::string(48, '\xff'),
      std::string(5000, 'a'),
      " " + good.substr(1),
      std::string(foreign.data(), foreign.size()),
      std::string(elsewhere.data(), elsewhere.size()),
      std::string(gone.data(), gone.size()),
  };
  for (const std::string& value : bad) {
    context({{"Cookie", "SID=" + value}});
    EXPECT_EQ(rc_->sticky, std::nullopt) << value;
    EXPECT_EQ(answer_of(2), "SID=" + token(2) + "; Path=/; HttpOnly; SameSite=Lax") << value;
  }
}

TEST_F(Affinity, SetsACookieOnlyWhereItHelps) {
  context({});
  EXPECT_EQ(answer_of(0, 103), "");
  EXPECT_EQ(answer_of(0, 503), "");
  EXPECT_NE(answer_of(0, 404), "");
  context({{"Cookie", "SID=" + token(1)}});
  EXPECT_NE(answer_of(0), "");  // it had to go elsewhere
  exchange_.who.secure = true;
  context({});
  EXPECT_TRUE(answer_of(0).ends_with("; SameSite=Lax; Secure"));
}

TEST_F(Affinity, DoesNothingUnasked) {
  upstream_.sticky.reset();
  context({{"Cookie", "SID=" + token(1)}});
  EXPECT_EQ(rc_->sticky, std::nullopt);
  EXPECT_EQ(answer_of(0), "");
}

}  // namespace
}  // namespace postern::proxy
