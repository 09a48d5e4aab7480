// A core under traffic while generations come and go: nothing fails, kept connections survive, old pins go.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "unit/server/core_support.h"

namespace postern::test {
namespace {

constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::string variant(std::uint16_t origin, int number) {
  return forwarding_config(origin, "[[route]]\nname = \"n" + std::to_string(number) +
                                       "\"\npath = \"/number\"\n[route.reply]\nbody = \"" + std::to_string(number) +
                                       "\"\n");
}

/// Asks until it is told to stop; counts what went wrong.
void keep_asking(std::uint16_t port, const std::atomic<bool>& stop, std::atomic<int>& served,
                 std::atomic<int>& failed) {
  Client client(port);
  while (!stop) ++(client.ask(kGet).rfind("HTTP/1.1 200 ", 0) == 0 ? served : failed);
}

TEST(CoreReload, ConcurrentInstallsUnderTraffic) {
  for (const net::Engine engine : engines()) {
    SCOPED_TRACE(net::to_string(engine));
    Origin origin(kAnswer);
    RunningCore core(variant(origin.port(), 0), engine);
    std::atomic<bool> stop{false};
    std::atomic<int> served{0}, failed{0};
    std::thread first([&] { keep_asking(core.port(), stop, served, failed); });
    std::thread second([&] { keep_asking(core.port(), stop, served, failed); });
    Client probe(core.port());
    int wrong = 0;
    for (int i = 1; i <= 50; ++i) {
      core.install(variant(origin.port(), i));
      core.settle();
      const std::string answer = probe.ask("GET /number HTTP/1.1\r\nHost: h\r\n\r\n");
      wrong += answer.substr(answer.size() - std::to_string(i).size()) != std::to_string(i);
    }
    stop = true;
    first.join();
    second.join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(wrong, 0);
    EXPECT_GT(served, 0);
  }
}

TEST(CoreReload, KeepsUpstreamConnectionsOfEqualUpstreams) {
  Origin origin(kAnswer);
  RunningCore core(variant(origin.port(), 0));
  Client client(core.port());
  for (int i = 1; i <= 5; ++i) {
    ASSERT_EQ(client.ask(kGet).rfind("HTTP/1.1 200 ", 0), 0u);
    core.install(variant(origin.port(), i));
    core.settle();
  }
  std::uint64_t connects = 0;
  core.run_on_core([&] { connects = core.core().pipeline().generation()->clusters.at(0)->metrics().connects.get(); });
  EXPECT_EQ(connects, 1u);
}

TEST(CoreReload, GenerationsGoWhenNobodyUsesThem) {
  Origin origin(kAnswer);
  RunningCore core(variant(origin.port(), 0));
  std::weak_ptr<const proxy::Snapshot> old;
  core.run_on_core([&] { old = core.core().pipeline().generation()->snapshot; });
  {
    Client client(core.port());  // a connection pins the generation that it came in under
    ASSERT_EQ(client.ask(kGet).rfind("HTTP/1.1 200 ", 0), 0u);
    core.install(variant(origin.port(), 1));
    core.settle();
    EXPECT_FALSE(old.expired());
    ASSERT_EQ(client.ask(kGet).rfind("HTTP/1.1 200 ", 0), 0u);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (!old.expired() && std::chrono::steady_clock::now() < end) core.settle();
  core.install(variant(origin.port(), 2));  // the builder lets go of what it had kept as the last one
  core.settle();
  EXPECT_TRUE(old.expired());
}

TEST(CoreDrain, IdleConnectionsEndAndNewOnesAreRefused) {
  Origin origin(kAnswer);
  auto core = std::make_unique<RunningCore>(variant(origin.port(), 0));
  Client idle(core->port());
  ASSERT_EQ(idle.ask(kGet).rfind("HTTP/1.1 200 ", 0), 0u);
  const std::uint16_t port = core->port();
  core.reset();
  EXPECT_EQ(idle.read_answer(), "");
  EXPECT_FALSE(Client(port).connected());
}

}  // namespace
}  // namespace postern::test
