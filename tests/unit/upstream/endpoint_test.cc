// Kept connections: the last one first, dead ones dropped, never too many, none for too long.
#include "upstream/endpoint.h"

#include <gtest/gtest.h>

#include "unit/net/loop_support.h"

namespace postern::upstream {
namespace {

struct Fake final : UpstreamConnection {
  Fake(int& alive, bool live) : alive_(alive), live_(live) { ++alive_; }
  ~Fake() override { --alive_; }
  UpstreamExchange& open() noexcept override { std::abort(); }
  bool finish() noexcept override { return true; }
  bool is_reused() const noexcept override { return true; }
  void keep(KeptWatcher& watcher) noexcept override { watcher_ = &watcher; }
  bool take(bool careful) noexcept override {
    careful_ = careful;
    return live_;
  }
  void die() { watcher_->on_kept_lost(*this); }

  int& alive_;
  bool live_;
  bool careful_ = false;
  KeptWatcher* watcher_ = nullptr;
};

struct FakeShared final : SharedConnection {
  explicit FakeShared(int& alive) : alive_(alive) { ++alive_; }
  ~FakeShared() override { --alive_; }
  void watch(SharedWatcher* watcher) noexcept override { watcher_ = watcher; }
  bool has_room() const noexcept override { return !retired_ && used_ < room_; }
  std::size_t capacity() const noexcept override { return room_; }
  std::size_t in_use() const noexcept override { return used_; }
  std::unique_ptr<UpstreamConnection, Dispose> lease() override {
    if (used_++ == 0 && watcher_) watcher_->on_shared_idle(*this, false);
    return std::unique_ptr<UpstreamConnection, Dispose>(new Fake(alive_, true));
  }
  void retire() noexcept override { retired_ = true; }
  void end_one() {
    if (--used_ == 0) watcher_->on_shared_idle(*this, true);
  }

  int& alive_;
  SharedWatcher* watcher_ = nullptr;
  std::size_t room_ = 2;
  std::size_t used_ = 0;
  bool retired_ = false;
};

EndpointSet::Member member(std::string name, net::SocketAddress address) {
  return {{std::move(name), address}, std::make_shared<EndpointState>()};
}

class EndpointTest : public ::testing::Test {
 protected:
  EndpointTest() { make({.keepalive_timeout_ms = 4'000, .max_idle = 3, .circuit = {}}); }
  ~EndpointTest() override {
    endpoint_.reset();
    EXPECT_EQ(alive_, 0);
    EXPECT_EQ(idle(), 0u);
    EXPECT_EQ(row_.open.get(), 0u);
    loop_.finish();
  }
  void make(Endpoint::Limits limits) {
    endpoint_.emplace(loop_, member("Model.example:8080", *net::ip_address("127.0.0.1", 8080)), limits, row_);
  }
  Fake* keep(bool live = true) {
    Fake* const raw = new Fake(alive_, live);
    row_.open.add();
    endpoint_->keep(ConnectionPtr(raw, {&row_}));
    return raw;
  }
  std::uint64_t idle() const { return row_.idle.get(); }

  net::Loop loop_;
  metrics::UpstreamRow row_{};
  int alive_ = 0;
  std::optional<Endpoint> endpoint_;
};

TEST_F(EndpointTest, GivesTheLastOneFirst) {
  keep();
  Fake* const last = keep();
  EXPECT_EQ(idle(), 2u);
  EXPECT_EQ(endpoint_->find(false).get(), last);
  EXPECT_EQ(idle(), 1u);
}

TEST_F(EndpointTest, HasNothingToGive) { EXPECT_EQ(endpoint_->find(false), nullptr); }

TEST_F(EndpointTest, PassesOverDeadOnes) {
  Fake* const live = keep();
  keep(false);
  keep(false);
  const ConnectionPtr found = endpoint_->find(true);
  EXPECT_EQ(found.get(), live);
  EXPECT_TRUE(live->careful_);
  EXPECT_EQ(alive_, 1);
  EXPECT_EQ(idle(), 0u);
}

TEST_F(EndpointTest, KeepsNoMoreThanItMay) {
  for (int i = 0; i < 5; ++i) keep();
  EXPECT_EQ(alive_, 3);
  EXPECT_EQ(idle(), 3u);
}

TEST_F(EndpointTest, MayKeepNone) {
  make({.keepalive_timeout_ms = 4'000, .max_idle = 0, .circuit = {}});
  keep();
  EXPECT_EQ(alive_, 0);
}

TEST_F(EndpointTest, ForgetsOneThatDies) {
  Fake* const first = keep();
  keep();
  first->die();
  EXPECT_EQ(alive_, 1);
  EXPECT_EQ(idle(), 1u);
}

TEST_F(EndpointTest, ClosesThemAll) {
  keep();
  keep();
  endpoint_->close_kept();
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ(idle(), 0u);
}

TEST_F(EndpointTest, NobodyRestsForTooLong) {
  make({.keepalive_timeout_ms = 15, .max_idle = 3, .circuit = {}});
  keep();
  keep();
  EXPECT_TRUE(test::drive(loop_, [&] { return alive_ == 0; }));
  EXPECT_EQ(idle(), 0u);
  keep();
  EXPECT_TRUE(test::drive(loop_, [&] { return alive_ == 0; }));  // the clock was set again
}

TEST_F(EndpointTest, FillsTheOldestSharedConnectionFirst) {
  const auto old = std::make_shared<FakeShared>(alive_);
  const auto young = std::make_shared<FakeShared>(alive_);
  endpoint_->share(old);
  endpoint_->share(young);
  EXPECT_EQ(idle(), 2u);
  std::vector<ConnectionPtr> leases;
  for (int i = 0; i < 3; ++i) leases.push_back(endpoint_->find(false));
  EXPECT_EQ(old->used_, 2u);
  EXPECT_EQ(young->used_, 1u);
  EXPECT_EQ(idle(), 0u);
  EXPECT_EQ(endpoint_->streams_per_connection(100), 2u);
  leases.push_back(endpoint_->find(false));
  EXPECT_EQ(endpoint_->find(false), nullptr);
  old->end_one();
  EXPECT_NE(endpoint_->find(false), nullptr);
}

TEST_F(EndpointTest, ForgetsSharedConnectionsThatEnd) {
  auto shared = std::make_shared<FakeShared>(alive_);
  FakeShared& raw = *shared;
  endpoint_->share(std::move(shared));
  EXPECT_EQ(idle(), 1u);
  raw.watcher_->on_shared_lost(raw);
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ(idle(), 0u);
}

TEST_F(EndpointTest, RetiresSharedConnectionsAtItsEnd) {
  const auto shared = std::make_shared<FakeShared>(alive_);
  endpoint_->share(shared);
  ConnectionPtr lease = endpoint_->find(false);
  endpoint_->close_kept();
  EXPECT_TRUE(shared->retired_);
  EXPECT_EQ(shared->watcher_, nullptr);
  lease.reset();
  EXPECT_EQ(idle(), 0u);
}

TEST_F(EndpointTest, KnowsItsNames) {
  EXPECT_EQ(endpoint_->authority(), "Model.example:8080");
  const Endpoint on_unix(loop_, member("unix:/run/m.sock", *net::unix_address("/run/m.sock")), {}, row_);
  EXPECT_EQ(on_unix.authority(), "localhost");
  EXPECT_EQ(on_unix.host(), "localhost");
}

}  // namespace
}  // namespace postern::upstream
