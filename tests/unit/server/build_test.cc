// Settings to a Snapshot: indices that never change, limits divided by cores, certificates that stop loading.
#include "server/build.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "crypto/self_signed.h"

namespace postern::server {
namespace {

std::string listener(const std::string& name, const std::string& more = {}) {
  return "[[listener]]\nname = \"" + name + "\"\naddress = \"127.0.0.1:0\"\n" + more;
}

class Build : public ::testing::Test {
 protected:
  using Policy = SnapshotBuilder::OnBadCertificate;

  std::shared_ptr<const proxy::Snapshot> build(const std::string& text, Policy policy = Policy::refuse,
                                               std::size_t cores = 1) {
    const config::LoadResult loaded = config::load(text, "c.toml", config::Environment::process());
    diagnostics_.clear();
    for (const config::Diagnostic& d : loaded.diagnostics) ADD_FAILURE() << config::to_string(d);
    auto snapshot = builder_.build(loaded, cores, policy, diagnostics_);
    if (snapshot) builder_.accepted(snapshot);
    return snapshot;
  }

  metrics::MetricsRegistry registry_;
  SnapshotBuilder builder_{registry_};
  std::vector<config::Diagnostic> diagnostics_;
};

TEST_F(Build, ListenerIndicesAreForEver) {
  const auto first = build(listener("a") + listener("b"));
  const auto second = build(listener("c") + listener("b"));
  const auto third = build(listener("a"));
  EXPECT_EQ(builder_.listener_names(), (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_EQ(second->listeners.size(), 3u);
  EXPECT_EQ(second->listeners[0].name, "a");  // gone, but connections may still refer to it
  EXPECT_EQ(second->listeners[1].name, "b");
  EXPECT_EQ(second->listeners[2].name, "c");
  EXPECT_EQ(third->listeners.size(), 3u);
  EXPECT_EQ(third->listeners[0].slot, first->listeners[0].slot);
}

TEST_F(Build, NumbersGrowOnlyWithSuccess) {
  EXPECT_EQ(build(listener("a"))->number, 1u);
  EXPECT_EQ(build(listener("a", "[listener.tls]\n[[listener.tls.certificate]]\ncert = \"/none\"\nkey = \"/none\"\n")),
            nullptr);
  EXPECT_FALSE(diagnostics_.empty());
  EXPECT_EQ(build(listener("a"))->number, 2u);
}

TEST_F(Build, DividesConnectionLimitsByCoresRoundedUp) {
  EXPECT_EQ(build(listener("a", "max_connections = 10\n"), Policy::refuse, 4)->listeners[0].max_connections, 3u);
  EXPECT_EQ(build(listener("a"), Policy::refuse, 4)->listeners[0].max_connections, 0u);
}

TEST_F(Build, RoutesKnowUpstreamsByIndex) {
  const auto snapshot = build(listener("a") +
                              "[[upstream]]\nname = \"u\"\nendpoints = [\"127.0.0.1:1\"]\n"
                              "[[upstream]]\nname = \"v\"\nendpoints = [\"127.0.0.1:2\", \"unix:/x\"]\n"
                              "[[route]]\nname = \"r\"\npath = \"/*\"\nforward = \"v\"\n");
  ASSERT_EQ(snapshot->routes->routes().size(), 1u);
  EXPECT_EQ(snapshot->routes->routes()[0].forward()->upstream, 1u);
  EXPECT_EQ(snapshot->upstreams[1].shared->endpoints()->members.size(), 2u);
  EXPECT_EQ(snapshot->route_slots.size(), 1u);
}

TEST_F(Build, EqualUpstreamsHaveEqualIdentities) {
  const auto text = [](const std::string& more, const std::string& endpoint = "127.0.0.1:1") {
    return listener("a") + "[[upstream]]\nname = \"u\"\nendpoints = [\"" + endpoint + "\"]\n" + more;
  };
  const std::string identity = build(text(""))->upstreams[0].cluster.identity;
  EXPECT_EQ(build(text("") + listener("b"))->upstreams[0].cluster.identity, identity);
  EXPECT_EQ(build(text("", "127.0.0.1:2"))->upstreams[0].cluster.identity, identity);
  EXPECT_NE(build(text("max_idle = 3\n"))->upstreams[0].cluster.identity, identity);
}

TEST_F(Build, EndpointsChangeWhenASnapshotIsAcceptedAndNotBefore) {
  const auto text = [](int port) {
    return listener("a") + "[[upstream]]\nname = \"u\"\nendpoints = [\"127.0.0.1:" + std::to_string(port) + "\"]\n";
  };
  const auto first = build(text(1));
  const std::shared_ptr<upstream::SharedUpstream> shared = first->upstreams[0].shared;
  const auto state = shared->endpoints()->members[0].state;
  std::vector<config::Diagnostic> none;
  const config::LoadResult loaded = config::load(text(2), "c.toml", config::Environment::process());
  const auto only_built = builder_.build(loaded, 1, Policy::refuse, none);
  ASSERT_TRUE(only_built);
  EXPECT_EQ(only_built->upstreams[0].shared, shared);
  EXPECT_EQ(shared->endpoints()->members[0].spec.name, "127.0.0.1:1");
  builder_.accepted(only_built);
  EXPECT_EQ(shared->endpoints()->members[0].spec.name, "127.0.0.1:2");
  EXPECT_NE(shared->endpoints()->members[0].state, state);
}

TEST_F(Build, EndpointsThatCannotBeResolvedAnyMoreStay) {
  const auto text = [](const std::string& endpoint) {
    return listener("a") + "[[upstream]]\nname = \"u\"\nendpoints = [\"" + endpoint + "\"]\n";
  };
  const auto shared = build(text("127.0.0.1:1"))->upstreams[0].shared;
  EXPECT_EQ(build(text("no-such-host.invalid:1"))->upstreams[0].shared, shared);
  EXPECT_EQ(shared->endpoints()->members.size(), 1u);
}

TEST_F(Build, KnowsItsBalancersAndWhatTheyHash) {
  const auto first_complaint = [&](const std::string& balance) {
    const config::LoadResult loaded = config::load(
        listener("a") + "[[upstream]]\nname = \"u\"\nendpoints = [\"127.0.0.1:1\"]\nbalance = {" + balance + "}\n",
        "c.toml", config::Environment::process());
    std::vector<config::Diagnostic> complaints;
    builder_.build(loaded, 1, Policy::refuse, complaints);
    return complaints.empty() ? "" : complaints.front().key + ": " + complaints.front().message;
  };
  EXPECT_EQ(first_complaint("kind = \"hash\", key = \"client\""), "");
  EXPECT_EQ(first_complaint("kind = \"best\""),
            "upstream[0].balance.kind: there is no balancer \"best\", only hash, least_requests, p2c_ewma, random, "
            "round_robin");
  EXPECT_EQ(first_complaint("kind = \"hash\""), "upstream[0].balance.kind: needs to know what to hash: balance.key");
  EXPECT_EQ(first_complaint("key = \"client\""), "upstream[0].balance.key: has no effect with balancer \"p2c_ewma\"");
}

TEST_F(Build, ATokenHeaderIsNoneThatMeansSomethingElse) {
  EXPECT_NE(build(listener("a") + "[credentials]\ntoken_header = \"X-Token\"\n"), nullptr);
  for (const char* taken : {"Authorization", "cookie", "Host"}) {
    EXPECT_EQ(build(listener("a") + "[credentials]\ntoken_header = \"" + taken + "\"\n"), nullptr) << taken;
  }
}

TEST_F(Build, HashedVariablesAreFoundPerRoute) {
  const auto snapshot = build(listener("a") +
                              "[[upstream]]\nname = \"u\"\nendpoints = [\"127.0.0.1:1\"]\n"
                              "balance = {kind = \"hash\", key = \"path:model\"}\n"
                              "[[route]]\nname = \"q\"\npath = \"/{team}/{model}:predict\"\nforward = \"u\"\n"
                              "[[route]]\nname = \"r\"\npath = \"/models\"\nforward = \"u\"\n");
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->upstreams[0].hash_key.variables, (std::vector<std::uint8_t>{1, proxy::HashKeySpec::kNoVariable}));
}

class BuildTls : public Build {
 protected:
  BuildTls() {
    std::string pattern = (std::filesystem::temp_directory_path() / "build_test.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ + "/" + name) << bytes;
    return folder_ + "/" + name;
  }
  ~BuildTls() override { std::filesystem::remove_all(folder_); }
  void write_certificate() {
    const auto made = crypto::make_self_signed({"localhost"}, std::chrono::hours(1));
    std::ofstream(folder_ + "/c.pem") << made.value->cert_pem;
    std::ofstream(folder_ + "/k.pem") << made.value->key_pem.reveal();
    std::filesystem::permissions(folder_ + "/k.pem",
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  std::string config() const {
    return listener("a", "[listener.tls]\n[[listener.tls.certificate]]\ncert = \"" + folder_ + "/c.pem\"\nkey = \"" +
                             folder_ + "/k.pem\"\n");
  }
  std::string folder_;
};

TEST_F(BuildTls, KeepsOldMaterialWhenTheFilesBreak) {
  write_certificate();
  const auto first = build(config());
  ASSERT_TRUE(first && first->listeners[0].tls_material);
  std::ofstream(folder_ + "/c.pem") << "broken";
  EXPECT_EQ(build(config(), Policy::refuse), nullptr);
  const auto second = build(config(), Policy::keep_old);
  ASSERT_TRUE(second);
  EXPECT_TRUE(builder_.kept_old());
  EXPECT_EQ(second->listeners[0].tls_material, first->listeners[0].tls_material);
  write_certificate();
  const auto third = build(config(), Policy::keep_old);
  EXPECT_FALSE(builder_.kept_old());
  EXPECT_NE(third->listeners[0].tls_material, first->listeners[0].tls_material);
}

TEST_F(BuildTls, TicketKeysOutliveReloads) {
  write_certificate();
  const auto first = build(config());
  const auto second = build(config());
  EXPECT_EQ(first->listeners[0].ticket_keys, second->listeners[0].ticket_keys);
}

TEST_F(BuildTls, AListenerThatDropsTlsIsPlain) {
  write_certificate();
  ASSERT_TRUE(build(config())->listeners[0].tls_material);
  const auto plain = build(listener("a"));
  EXPECT_FALSE(plain->listeners[0].tls_material);
  EXPECT_FALSE(plain->listeners[0].ticket_keys);
}

TEST_F(BuildTls, KeepOldNeedsSomethingOld) {
  EXPECT_EQ(build(config(), Policy::keep_old), nullptr);
  EXPECT_FALSE(diagnostics_.empty());
}

TEST_F(BuildTls, StickyKeysComeFromAFileOrStayWithTheProcess) {
  const auto text = [](const std::string& more) {
    return listener("a") +
           "[[upstream]]\nname = \"u\"\nendpoints = [\"127.0.0.1:1\"]\n[upstream.sticky]\ncookie = \"S\"\n" + more;
  };
  const auto key_of = [&](const std::string& more) {
    const auto snapshot = build(text(more));
    return snapshot ? std::string(snapshot->upstreams[0].cluster.sticky_key->reveal()) : "";
  };
  const std::string random = key_of("");
  EXPECT_EQ(random.size(), 32u);
  EXPECT_EQ(key_of("max_age = \"1h\"\n"), random);
  const std::string secret(32, 'k');
  const std::string file = "key_file = \"" + write("key", secret) + "\"\n";
  EXPECT_EQ(key_of(file), secret);
  const std::string before = build(text(file))->upstreams[0].cluster.identity;
  EXPECT_EQ(build(text(file))->upstreams[0].cluster.identity, before);
  write("key", std::string(32, 'l'));
  EXPECT_NE(build(text(file))->upstreams[0].cluster.identity, before);  // tokens have to be made anew
  write("key", "short");
  EXPECT_EQ(build(text(file)), nullptr);
  EXPECT_EQ(config::to_string(diagnostics_.at(0)).find(secret), std::string::npos);
}

}  // namespace
}  // namespace postern::server
