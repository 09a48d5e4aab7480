// The thread of discovery, with files as sources: what a reload leaves alone, what it replaces, and in which order.
#include "server/discoveries.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "config/load.h"
#include "server/build.h"

namespace postern::server {
namespace {

class DiscoveriesTest : public ::testing::Test {
 protected:
  DiscoveriesTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "discoveries_test.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~DiscoveriesTest() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& address) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << R"({"endpoints":[{"address":")" << address << R"("}]})";
    return path;
  }
  static std::string from_file(const std::string& path) {
    return "[upstream.discovery]\nkind = \"file\"\nfile = \"" + path + "\"\n";
  }
  /// What the daemon does with a config.
  std::shared_ptr<upstream::SharedUpstream> apply(const std::string& upstream) {
    const config::LoadResult loaded =
        config::load("[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\n[[upstream]]\nname = \"u\"\n" + upstream,
                     "c.toml", config::Environment::process());
    for (const config::Diagnostic& d : loaded.diagnostics) ADD_FAILURE() << config::to_string(d);
    std::vector<config::Diagnostic> diagnostics;
    const auto snapshot = builder_.build(loaded, 1, SnapshotBuilder::OnBadCertificate::refuse, diagnostics);
    for (const config::Diagnostic& d : diagnostics) problems_ += config::to_string(d) + "\n";
    if (!snapshot) return nullptr;
    discoveries_.apply(*snapshot);
    builder_.accepted(snapshot);
    return snapshot->upstreams[0].shared;
  }
  static std::string names(const upstream::SharedUpstream& shared) {
    std::string all;
    for (const auto& member : shared.endpoints()->members) all += member.spec.name + " ";
    return all;
  }

  std::string folder_;
  metrics::MetricsRegistry registry_;
  SnapshotBuilder builder_{registry_};
  Discoveries discoveries_{registry_};
  std::string problems_;
};

TEST_F(DiscoveriesTest, HasTheFirstEndpointsWhenApplyReturns) {
  const auto shared = apply(from_file(file("f", "10.0.0.1:80")));
  EXPECT_EQ(names(*shared), "10.0.0.1:80 ");
  EXPECT_EQ(registry_.discovery("u").endpoints, 1u);
  EXPECT_TRUE(registry_.discovery("u").used);
}

TEST_F(DiscoveriesTest, KeepsTheSetWhenTheSettingsChangeAndNothingIsFound) {
  const auto shared = apply(from_file(file("f", "10.0.0.1:80")));
  EXPECT_EQ(apply(from_file(folder_ + "/none")), shared);
  EXPECT_EQ(names(*shared), "10.0.0.1:80 ");
  EXPECT_EQ(apply(from_file(file("g", "10.0.0.2:80"))), shared);
  EXPECT_EQ(names(*shared), "10.0.0.2:80 ");
}

TEST_F(DiscoveriesTest, PlainAddressesTakeOverAtOnceAndForGood) {
  const std::string path = file("f", "10.0.0.1:80");
  const auto shared = apply(from_file(path));
  for (int i = 0; i < 50; ++i) {
    file("f", "10.0.1." + std::to_string(i) + ":80");
    apply(from_file(path));  // a look, which may still go on
    apply("endpoints = [\"10.0.0.9:80\"]\n");
    ASSERT_EQ(names(*shared), "10.0.0.9:80 ");
    EXPECT_FALSE(registry_.discovery("u").used);
    apply(from_file(path));
    ASSERT_EQ(names(*shared), "10.0.1." + std::to_string(i) + ":80 ");
  }
}

TEST_F(DiscoveriesTest, UnknownSourcesAndMissingKeysAreMistakesOfTheConfig) {
  EXPECT_EQ(apply("[upstream.discovery]\nkind = \"fiel\"\n"), nullptr);
  EXPECT_NE(problems_.find("upstream[0].discovery.kind"), std::string::npos) << problems_;
  EXPECT_NE(problems_.find("did you mean \"file\""), std::string::npos) << problems_;
  problems_.clear();
  EXPECT_EQ(apply("[upstream.discovery]\nkind = \"file\"\n"), nullptr);
  EXPECT_NE(problems_.find("upstream[0].discovery.file"), std::string::npos) << problems_;
}

}  // namespace
}  // namespace postern::server
