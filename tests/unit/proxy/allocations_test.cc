// The promise of docs and house: once warm, a forwarded request makes no heap allocation on its core.
// This file replaces operator new for the whole test binary; it counts on one thread only, and only while asked to.
// Sanitizers bring their own operator new: there the same traffic runs, and nothing is counted.

#include <execinfo.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <list>
#include <new>
#include <utility>
#include <vector>

#include "unit/base/count_allocations.h"
#include "unit/identity/token_support.h"
#include "unit/server/core_support.h"
#include "unit/server/h2_origin.h"
#include "unit/wire/h2_peer.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POSTERN_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define POSTERN_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef POSTERN_COUNTS_ALLOCATIONS
#define POSTERN_COUNTS_ALLOCATIONS 1
#endif

namespace {

struct AllocationCounter {
  std::atomic<bool> counting{false};
  std::atomic<pthread_t> thread{};
  std::atomic<std::uint64_t> count{0};
  void* first[40] = {};  // the stack of the first one
  int first_depth = 0;

  void saw_one() noexcept {
    if (!counting.load(std::memory_order_relaxed) || pthread_self() != thread.load(std::memory_order_relaxed)) return;
    if (count.fetch_add(1, std::memory_order_relaxed) == 0) first_depth = ::backtrace(first, 40);
  }
};
AllocationCounter g_allocations;

}  // namespace

namespace postern::test {
void start_counting_allocations() noexcept {
  g_allocations.count = 0;
  g_allocations.thread = pthread_self();
  g_allocations.counting = true;
}
std::uint64_t stop_counting_allocations() noexcept {
  g_allocations.counting = false;
  return g_allocations.count;
}
}  // namespace postern::test

#if POSTERN_COUNTS_ALLOCATIONS
namespace {
void* allocate(std::size_t size) {
  g_allocations.saw_one();
  if (void* p = std::malloc(size ? size : 1)) return p;
  throw std::bad_alloc();
}
void* allocate(std::size_t size, std::align_val_t align) {
  g_allocations.saw_one();
  void* p = nullptr;
  if (::posix_memalign(&p, static_cast<std::size_t>(align), size ? size : 1) == 0) return p;
  throw std::bad_alloc();
}
}  // namespace

// The library's other forms (arrays, nothrow) call these.
void* operator new(std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t align) { return allocate(size, align); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
#endif

namespace postern::test {
namespace {

constexpr int kConnections = 4;
constexpr int kWarm = POSTERN_COUNTS_ALLOCATIONS ? 50 : 8;  // a sanitizer counts nothing, and takes its time
constexpr int kCounted = POSTERN_COUNTS_ALLOCATIONS ? 200 : 8;

const std::string kTenFields =
    "Host: example.com\r\nUser-Agent: test/1.0\r\nAccept: application/json\r\nAccept-Language: en\r\n"
    "Accept-Encoding: gzip\r\nAuthorization: Bearer abcdefghijklmnop\r\nCookie: a=b; c=d\r\nX-One: 1\r\n"
    "X-Forwarded-For: 192.0.2.1, 192.0.2.2\r\nReferer: http://example.com/from\r\n";
const std::string kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: origin\r\nX-A: 1\r\nX-B: 2\r\n"
    "Content-Length: 11\r\n\r\nhello world";

std::string post(std::size_t size) {
  return "POST /v1/models/m:predict HTTP/1.1\r\n" + kTenFields +
         "Content-Type: application/json\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
         std::string(size, 'x');
}
const std::string kGet = "GET /a/b/../c%7e?q=1 HTTP/1.1\r\n" + kTenFields + "\r\n";
const std::string kChunkedPost =
    "POST /chunked HTTP/1.1\r\n" + kTenFields +
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n";

/// Allocations on the core's thread while `f` runs.
template <class F>
std::uint64_t allocations_of(RunningCore& core, F f) {
  void* warm[2];
  ::backtrace(warm, 2);  // loads its library now
  core.run_on_core([] { g_allocations.thread = ::pthread_self(); });
  g_allocations.count = 0;
  g_allocations.counting = true;
  f();
  g_allocations.counting = false;
  const std::uint64_t count = g_allocations.count;
  if (count != 0) ::backtrace_symbols_fd(g_allocations.first, g_allocations.first_depth, 2);
  return count;
}

/// How much waits here at once, and so how many blocks and coroutines at the same time, is up to the kernel's mood: as
/// many as that may ever be are in the pools before anything is counted. Whoever allocates each time is still seen.
void fill_pools(RunningCore& core) {
  constexpr int kAtOnce = 8;
  constexpr int kFrames = 6;  // of each size: the pool gives back to the heap what is more than it likes to hold
  // An HTTP/2 connection's table of known headers fills up to 4 KiB in entries of this size (a new Date each second).
  constexpr int kEntries = 256;
  constexpr std::size_t kEntrySize = 256;
  core.run_on_core([&] {
    net::Loop& loop = core.core().loop();
    std::vector<Buffer> blocks;
    std::vector<std::pair<void*, std::size_t>> frames;
    for (int i = 0; i < kAtOnce; ++i) {
      blocks.push_back(loop.buffers().large());
      blocks.push_back(loop.buffers().small());
      if (i >= kFrames) continue;
      for (std::size_t size = 128; size <= 8192; size += 128) frames.emplace_back(loop.frames().allocate(size), size);
    }
    for (int i = 0; i < kEntries; ++i) {
      for (std::size_t size = 128; size <= kEntrySize; size += 128)
        frames.emplace_back(loop.frames().allocate(size), size);
    }
    for (const auto& [frame, size] : frames) loop.frames().deallocate(frame, size);
  });
}

/// An answer as a whole, whichever framing it has.
std::string ask(Client& client, const std::string& request) {
  std::string answer = client.ask(request);
  if (answer.find("Transfer-Encoding: chunked") == std::string::npos) return answer;
  while (answer.size() < 5 || answer.substr(answer.size() - 5) != "0\r\n\r\n") {
    const std::string more = client.read_some();
    if (more.empty()) break;
    answer += more;
  }
  return answer;
}

struct Scenario {
  std::string name;
  std::vector<std::string> requests;
  std::string answer = kAnswer;
  std::string route = {};
  std::string expected = "HTTP/1.1 200 ";
};

/// Requests over all connections in turn; how many got what was expected, up to the first that did not.
int exchange(std::vector<Client>& clients, const Scenario& scenario, int count) {
  for (int i = 0; i < count; ++i) {
    const std::size_t turn = static_cast<std::size_t>(i);
    const std::string& request = scenario.requests[turn / clients.size() % scenario.requests.size()];
    const std::string answer = ask(clients[turn % clients.size()], request);
    if (answer.rfind(scenario.expected, 0) == 0) continue;
    ADD_FAILURE() << "request " << i << " got: " << answer.substr(0, 400);
    return i;
  }
  return count;
}

void expect_none(const Scenario& scenario, const std::vector<net::Engine>& on = engines()) {
  for (const net::Engine engine : on) {
    SCOPED_TRACE(net::to_string(engine));
    Origin origin(scenario.answer);
    RunningCore core(forwarding_config(origin.port(), scenario.route), engine);
    std::vector<Client> clients;
    for (int i = 0; i < kConnections; ++i) clients.emplace_back(core.port());
    ASSERT_EQ(exchange(clients, scenario, kWarm), kWarm);
    fill_pools(core);
    int served = 0;
    const std::uint64_t count = allocations_of(core, [&] { served = exchange(clients, scenario, kCounted); });
    EXPECT_EQ(served, kCounted);
    EXPECT_EQ(count, 0u) << "in " << kCounted << " requests; the first one's stack is on stderr";
  }
}

TEST(ForwardPath, AllocatesNothingOnceWarm) { expect_none({"plain", {kGet, post(1024)}}); }

/// A token that is known, a policy, a scope, limits, and what the upstream is told of it all.
TEST(ForwardPath, AllocatesNothingForKnownCallers) {
  const std::string keys = ::testing::TempDir() + "known-callers." + std::to_string(::getpid()) + ".json";
  std::ofstream(keys) << jwks({SigningKey::rsa().jwk(R"(,"kid":"k")")});
  const std::string token = make_token(
      R"({"iss":"https://a.example","aud":"api","sub":"alice","groups":["ml","ops"],"scope":"predict","exp":)" +
      std::to_string(::time(nullptr) + 3600) + "}");
  std::string request = post(1024);
  request.replace(request.find("abcdefghijklmnop"), 16, token);
  const std::string rules =
      "[route.access]\npolicy = \"p\"\nscopes = [\"predict\"]\nlimits = [\"l\"]\nheaders = \"oauth2-proxy\"\n"
      "claim_headers = { X-Issuer = \"iss\" }\n"
      "[[issuer]]\nname = \"a\"\nurl = \"https://a.example\"\naudiences = [\"api\"]\njwks_file = \"" +
      keys +
      "\"\n[[policy]]\nname = \"p\"\ndeny = ['subject == \"mallory\"']\n"
      "allow = ['groups has \"ml\" and method == \"POST\"']\n"
      "[[limit]]\nname = \"l\"\nper = [\"subject\"]\nrequests = 1000000\n";
  expect_none({"known callers", {request}, kAnswer, rules});
  std::remove(keys.c_str());
}

TEST(ForwardPath, AllocatesNothingTowardsHttp2) {
  for (const std::size_t size : {std::size_t{11}, std::size_t{60'000}}) {
    for (const net::Engine engine : engines()) {
      SCOPED_TRACE(std::string(net::to_string(engine)) + ", answers of " + std::to_string(size));
      H2TestOrigin origin(std::string(size, 'x'));
      std::string config = forwarding_config(origin.port());
      config.replace(config.find("[[route]]"), 0, "protocol = \"h2\"\n");
      RunningCore core(config, engine);
      std::vector<Client> clients;
      for (int i = 0; i < kConnections; ++i) clients.emplace_back(core.port());
      const Scenario scenario{"h2", {kGet, post(1024), post(100'000), kChunkedPost}};
      ASSERT_EQ(exchange(clients, scenario, kWarm), kWarm);
      fill_pools(core);
      int served = 0;
      const std::uint64_t count = allocations_of(core, [&] { served = exchange(clients, scenario, kCounted); });
      EXPECT_EQ(served, kCounted);
      EXPECT_EQ(count, 0u) << "in " << kCounted << " requests; the first one's stack is on stderr";
    }
  }
}

TEST(ForwardPath, AllocatesNothingForChunkedRequests) { expect_none({"chunked", {kChunkedPost}}); }

/// A client of HTTP/2 that asks for one thing after another.
class H2Front {
 public:
  explicit H2Front(std::uint16_t port) : peer_(PeerEnd(connect(port))) {
    peer_.greet({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0x7fffffff}});
    peer_.window(0, 0x7fff0000);
  }

  /// The status of the answer; empty when it is not whole.
  std::string ask(const H2Fields& fields, std::string_view body) {
    const std::int32_t id = next_;
    next_ += 2;
    peer_.head(id, fields, body.empty());
    while (!body.empty()) {
      const std::string_view part = body.substr(0, 16'384);
      body.remove_prefix(part.size());
      send_all(h2_frame(NGHTTP2_DATA, body.empty() ? 1 : 0, id, part));
    }
    for (int i = 0; i < 2000 && !peer_.read().answers[id].ended && !peer_.end().ended(); ++i) {
      pollfd wait{peer_.end().fd(), POLLIN, 0};
      ::poll(&wait, 1, 1000);
    }
    const H2Peer::Answer answer = peer_.answers[id];
    peer_.answers.erase(id);
    return answer.ended ? answer.get(":status") : "";
  }

 private:
  static int connect(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = net::ip_address("127.0.0.1", port);
    EXPECT_EQ(::connect(fd, address->get(), address->size), 0);
    return fd;
  }
  void send_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(peer_.end().fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
      pollfd wait{peer_.end().fd(), POLLOUT, 0};
      if (n < 0 && ::poll(&wait, 1, 2000) <= 0) return;
    }
  }
  H2Peer peer_;
  std::int32_t next_ = 1;
};

// nghttp2 remembers as many closed streams as may be open at once: few here, so that warming up sees the last of them.
TEST(ForwardPath, AllocatesNothingForHttp2Clients) {
  const H2Fields more{{"user-agent", "test/1.0"},
                      {"accept", "application/json"},
                      {"authorization", "Bearer abcdefgh"},
                      {"cookie", "a=b"},
                      {"cookie", "c=d"},
                      {"x-one", "1"}};
  const H2Fields get = h2_request("GET", "/a/b/../c%7e?q=1", more);
  const H2Fields post_of = h2_request("POST", "/v1/models/m:predict", more);
  const std::pair<H2Fields, std::string> requests[] = {
      {get, ""}, {post_of, std::string(1024, 'x')}, {post_of, std::string(100'000, 'x')}};
  const std::string large(60'000, 'x');
  const std::string answers[] = {
      kAnswer, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(large.size()) + "\r\n\r\n" + large,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"};
  for (const net::Engine engine : engines()) {
    for (const std::string& answer : answers) {
      SCOPED_TRACE(std::string(net::to_string(engine)) + ", answers of " + std::to_string(answer.size()));
      Origin origin(answer);
      std::string config = forwarding_config(origin.port());
      config.insert(config.find('\n', config.find("[[listener]]")) + 1, "h2c = true\nh2_max_streams = 4\n");
      RunningCore core(config, engine);
      std::list<H2Front> clients;
      for (int i = 0; i < kConnections; ++i) clients.emplace_back(core.port());
      const auto ask = [&](int count) {
        int served = 0;
        for (int i = 0; i < count; ++i) {
          for (H2Front& client : clients) {
            const auto& [fields, body] = requests[static_cast<std::size_t>(i) % 3];
            served += client.ask(fields, body) == "200";
          }
        }
        return served;
      };
      ASSERT_EQ(ask(kWarm / 2), kWarm / 2 * kConnections);
      fill_pools(core);
      int served = 0;
      const std::uint64_t count = allocations_of(core, [&] { served = ask(kCounted / 4); });
      EXPECT_EQ(served, kCounted / 4 * kConnections);
      EXPECT_EQ(count, 0u) << "in " << served << " requests; the first one's stack is on stderr";
    }
  }
}

TEST(ForwardPath, AllocatesNothingForLongBodies) { expect_none({"long", {post(100'000)}}); }

TEST(ForwardPath, AllocatesNothingForAnswersThatBlock) {
  // More than a socket takes at once: the sink waits for the client.
  const std::string body(1'000'000, 'x');
  expect_none(
      {"large", {kGet}, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body});
}

TEST(ForwardPath, AllocatesNothingForChunkedAnswers) {
  expect_none({"chunked", {kGet}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"});
}

// Everything that may be configured for upstreams that fail, and nothing of it happens.
TEST(ForwardPath, AllocatesNothingWithLimitsRetriesAndHedges) {
  const std::string large_post = post(20'000);  // longer than a head's first read: its body is held
  const Scenario scenario{"limits", {kGet, post(1024), large_post}};
  for (const net::Engine engine : engines()) {
    SCOPED_TRACE(net::to_string(engine));
    Origin origin(kAnswer);
    Origin second(kAnswer);
    std::string config = forwarding_config(origin.port(),
                                           "deadline_header = \"X-One\"\n"
                                           "[route.retry]\nwhen = \"always\"\ntry_timeout = \"10s\"\n"
                                           "on = [\"connect\", \"stale\", \"reset\", \"timeout\", \"503\"]\n"
                                           "[route.hedge]\nafter = \"10s\"\n");
    config.replace(config.find("endpoints = ["), 0,
                   "circuit = { max_in_flight = 100, max_connections = 100 }\n"
                   "queue = { max_wait = \"1s\" }\n"
                   "adaptive = { initial = 50 }\n");
    const std::string endpoint = "\"127.0.0.1:" + std::to_string(origin.port()) + "\"";
    config.replace(config.find(endpoint), endpoint.size(),
                   endpoint + ", \"127.0.0.1:" + std::to_string(second.port()) + "\"");
    RunningCore core(config, engine);
    std::vector<Client> clients;
    for (int i = 0; i < kConnections; ++i) clients.emplace_back(core.port());
    ASSERT_EQ(exchange(clients, scenario, kWarm), kWarm);
    fill_pools(core);
    int served = 0;
    const std::uint64_t count = allocations_of(core, [&] { served = exchange(clients, scenario, kCounted); });
    EXPECT_EQ(served, kCounted);
    EXPECT_EQ(count, 0u) << "in " << kCounted << " requests; the first one's stack is on stderr";
  }
}

TEST(ForwardPath, AllocatesNothingForEditsAndRewrites) {
  expect_none({"edits",
               {kGet, post(1024)},
               kAnswer,
               "[[route]]\nname = \"v1\"\npath = \"/v1/*\"\nforward = \"u\"\nstrip_prefix = \"/v1\"\n"
               "[route.request_headers]\nset = { \"X-Set\" = \"1\" }\n"
               "[route.response_headers]\nremove = [\"Server\"]\n"});
}

TEST(ForwardPath, AllocatesNothingForTracesTimingAndDrift) {
  std::string traced = kGet;
  traced.insert(traced.size() - 2,
                "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=1\r\n"
                "X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Self=1-2-3\r\nb3: 0\r\n");
  expect_none({"traced",
               {traced, kGet, post(1024)},
               kAnswer,
               "server_timing = \"always\"\n"
               "[trace]\nsample = \"100%\"\ninject = [\"w3c\", \"b3\", \"b3-multi\", \"xray\"]\n"
               "[trace.otlp]\nendpoint = \"http://127.0.0.1:1/\"\n[drift]\n"});
}

TEST(OwnAnswers, AllocateNothingOnceWarm) {
  expect_none({"problem", {kGet}, kAnswer, "hosts = [\"other.example\"]\n", "HTTP/1.1 404 "});
}

TEST(AllocationCounter, SeesWhatTheCoreAllocates) {
  if (!POSTERN_COUNTS_ALLOCATIONS) GTEST_SKIP() << "a sanitizer has its own operator new";
  RunningCore core(forwarding_config(1));
  void* seen = nullptr;
  const std::uint64_t count = allocations_of(core, [&] {
    core.run_on_core([&] {
      seen = ::operator new(100);
      ::operator delete(seen);
    });
  });
  EXPECT_GE(count, 1u);
}

}  // namespace
}  // namespace postern::test
