// The audit trail from a core's end: intents that wait until they are written, disks that take nothing, several cores.
#include "audit/trail.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <optional>
#include <thread>

#include "base/task_group.h"
#include "crypto/ed25519.h"
#include "unit/audit/audit_support.h"
#include "unit/base/count_allocations.h"
#include "unit/net/loop_support.h"

namespace postern::audit::test {
namespace {

using postern::test::drive;
using postern::test::Running;

constexpr std::chrono::milliseconds kBound{2000};

config::AuditStream group_in(const std::string& path) {
  config::AuditStream settings = stream_in(path);
  settings.sync = config::AuditSync::group;
  return settings;
}

Task<Result<void>> record_intent(net::Loop&, CoreAudit& audit, StreamIndex stream, AuditRecord record) {
  const Result<IntentTicket> ticket = audit.intend(stream, record);
  if (!ticket) co_return ticket.error();
  if (!ticket->must_wait()) co_return boost::system::in_place_value;
  const Result<void> written = co_await audit.written(*ticket);
  co_return written;
}

std::uint64_t count(const std::string& path, const std::string& what) {
  const std::vector<std::string> lines = split_lines(contents(path));
  return static_cast<std::uint64_t>(
      std::ranges::count_if(lines, [&](const std::string& line) { return line.find(what) != std::string::npos; }));
}

/// Lines hold as many as there were at a time.
std::uint64_t count_outcomes(const std::string& path) {
  std::uint64_t outcomes = 0;
  for (const std::string& line : split_lines(contents(path))) {
    if (line.find("\"kind\":\"outcomes\"") == std::string::npos) continue;
    outcomes += static_cast<std::uint64_t>(std::ranges::count(line, '[')) - 1;
  }
  return outcomes;
}

/// A trail with one core on the test's own loop.
struct Bench {
  explicit Bench(const std::vector<config::AuditStream>& streams) : core(trail.add_core()) {
    core.attach(loop);
    trail.configure(streams);
    trail.start();
  }
  ~Bench() {
    core.detach();
    trail.stop(kBound);
  }
  AuditTrail trail;
  net::Loop loop;
  CoreAudit& core;
};

TEST(AuditTrail, AnIntentIsInTheFileWhenItsWaitEnds) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  {
    Bench bench({group_in(path)});
    const StreamIndex stream = bench.trail.stream_of("public");
    ASSERT_NE(stream, kNoStream);
    for (int i = 0; i < 5; ++i) {
      Running<Result<void>> task(bench.loop,
                                 record_intent(bench.loop, bench.core, stream, sample("r" + std::to_string(i))));
      const Result<void> result = task.get();
      ASSERT_TRUE(result);
      EXPECT_EQ(count(path, "\"kind\":\"intent\""), static_cast<std::uint64_t>(i + 1));
      bench.core.outcome(stream, sample("r" + std::to_string(i)), true);
    }
    const std::vector<StreamCounters> counters = bench.trail.counters();
    ASSERT_EQ(counters.size(), 1u);
    EXPECT_GE(counters[0].syncs, 5u);
  }
  EXPECT_EQ(count_outcomes(path), 5u);
  const Verification result = verify({path}, {});
  EXPECT_TRUE(result.is_good());
  EXPECT_TRUE(result.chains[0].is_closed);
}

TEST(AuditTrail, ManyThatWaitShareASync) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  Bench bench({group_in(path)});
  std::vector<std::unique_ptr<Running<Result<void>>>> tasks;
  for (int i = 0; i < 200; ++i) {
    tasks.push_back(
        std::make_unique<Running<Result<void>>>(bench.loop, record_intent(bench.loop, bench.core, 0, sample("r"))));
  }
  for (const auto& task : tasks) EXPECT_TRUE(task->get());
  EXPECT_LT(bench.trail.counters()[0].syncs, 50u);
}

TEST(AuditTrail, WithoutGroupNobodyWaits) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  {
    Bench bench({stream_in(path)});
    const Result<IntentTicket> ticket = bench.core.intend(0, sample("r"));
    ASSERT_TRUE(ticket);
    EXPECT_FALSE(ticket->must_wait());
    postern::test::settle(bench.loop);
  }
  EXPECT_EQ(count(path, "\"kind\":\"intent\""), 1u);
}

TEST(AuditTrail, WarmRecordsAllocateNothingOnTheCore) {
  const Folder folder;
  Bench bench({stream_in(folder / "audit.jsonl")});
  const AuditRecord record = sample("r");
  const auto round = [&] {
    for (int i = 0; i < 10; ++i) {
      EXPECT_TRUE(bench.core.intend(0, record));
      bench.core.outcome(0, record, true);
    }
    bench.loop.run_deferred();
  };
  round();
  postern::test::start_counting_allocations();
  round();
  EXPECT_EQ(postern::test::stop_counting_allocations(), 0u);
}

TEST(AuditTrail, EachListenerHasItsStream) {
  const Folder folder;
  config::AuditStream inner = stream_in(folder / "inner.jsonl"), rest = stream_in(folder / "rest.jsonl");
  inner.name = "inner";
  inner.listeners = {"admin", "inner"};
  rest.name = "rest";
  {
    Bench bench({inner, rest});
    EXPECT_EQ(bench.trail.stream_of("inner"), 0);
    EXPECT_EQ(bench.trail.stream_of("public"), 1);
    bench.core.outcome(bench.trail.stream_of("admin"), sample("a"), false);
    bench.core.outcome(bench.trail.stream_of("public"), sample("p"), false);
    bench.trail.configure({inner});
    EXPECT_EQ(bench.trail.stream_of("public"), kNoStream);
    EXPECT_EQ(bench.trail.stream_of("inner"), 0);
    bench.core.outcome(1, sample("late"), false);  // of a request that began before the reload
    bench.trail.configure({rest, inner});
    EXPECT_EQ(bench.trail.stream_of("public"), 1) << "it has kept its place";
  }
  EXPECT_EQ(count(folder / "inner.jsonl", "\"kind\":\"request\""), 1u);
  EXPECT_EQ(count(folder / "rest.jsonl", "\"kind\":\"request\""), 2u);
}

TEST(AuditTrail, AConfigThatCannotBeIsRefusedAndChangesNothing) {
  const Folder folder;
  config::AuditStream good = stream_in(folder / "a.jsonl"), bad = stream_in(folder / "none/b.jsonl");
  bad.name = "bad";
  Bench bench({good});
  EXPECT_THROW(bench.trail.configure({bad}), std::runtime_error);
  EXPECT_EQ(bench.trail.stream_of("x"), 0);
  bad = good;
  bad.key_file = folder / "no.pem";
  EXPECT_NE(AuditTrail::check(bad).find("no.pem"), std::string::npos);
  put(folder / "wrong.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  bad.key_file = folder / "wrong.pem";
  EXPECT_NE(AuditTrail::check(bad).find("not a private key"), std::string::npos);
  EXPECT_THROW(bench.trail.configure({bad}), std::runtime_error);
}

class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    before_handler_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now = before_;
    now.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, before_handler_);
  }

 private:
  rlimit before_{};
  sighandler_t before_handler_ = nullptr;
};

TEST(AuditTrail, AFullDiskRefusesIntentsAndKeepsOutcomes) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  {
    Bench bench({group_in(path)});
    {
      Running<Result<void>> task(bench.loop, record_intent(bench.loop, bench.core, 0, sample("first")));
      ASSERT_TRUE(task.get());
    }
    {
      const FileSizeLimit limit(contents(path).size() + 10);
      Running<Result<void>> task(bench.loop, record_intent(bench.loop, bench.core, 0, sample("second")));
      const Result<void> refused = task.get();
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, Code::exhausted);
      EXPECT_FALSE(bench.core.intend(0, sample("third"))) << "at once, now that it is known";
      bench.core.outcome(0, sample("second"), true);
      EXPECT_TRUE(bench.trail.counters()[0].is_failing);
    }
    // The disk has room again: the writer finds that out by itself.
    ASSERT_TRUE(drive(
        bench.loop, [&] { return !bench.trail.counters()[0].is_failing; }, 4000));
    Running<Result<void>> task(bench.loop, record_intent(bench.loop, bench.core, 0, sample("fourth")));
    EXPECT_TRUE(task.get());
  }
  EXPECT_EQ(count_outcomes(path), 1u);
  EXPECT_EQ(count(path, "\"fourth\""), 1u);
  EXPECT_TRUE(verify({path}, {}).is_good());
}

TEST(AuditTrail, OutcomesThatFindNoRoomAreMissedByTheChain) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  {
    AuditTrail trail;
    CoreAudit& core = trail.add_core();
    trail.configure({stream_in(path)});
    for (int i = 0; i < 10'000; ++i) core.outcome(0, sample("r"), false);  // nobody takes them yet
    trail.start();
    trail.stop(kBound);
    EXPECT_GT(trail.counters()[0].lost, 0u);
  }
  EXPECT_EQ(count(path, "\"kind\":\"lost\""), 1u);
  const Verification result = verify({path}, {});
  EXPECT_TRUE(result.is_good());
  EXPECT_EQ(result.findings.size(), 1u);
}

TEST(AuditTrail, ACoreThatIsCutOffWaitsForNothing) {
  const Folder folder;
  AuditTrail trail;
  net::Loop loop;
  CoreAudit& core = trail.add_core();
  core.attach(loop);
  trail.configure({group_in(folder / "audit.jsonl")});  // and never started
  Running<Result<void>> task(loop, record_intent(loop, core, 0, sample("r")));
  EXPECT_FALSE(task.done());
  core.cut();
  EXPECT_FALSE(task.get());
  core.detach();
}

Task<void> intend_many(net::Loop& loop, CoreAudit& audit, int records, int& failures) {
  for (int i = 0; i < records; ++i) {
    const AuditRecord record = sample("r");
    const Result<void> result = co_await record_intent(loop, audit, 0, record);
    if (!result) ++failures;
    audit.outcome(0, record, true);
    if (i % 16 == 0) co_await loop.yield();
  }
}

void run_core(CoreAudit& audit, int tasks, int records, int& failures) {
  net::Loop loop;
  audit.attach(loop);
  {
    TaskGroup group(loop.frames());
    for (int i = 0; i < tasks; ++i) group.start(intend_many(loop, audit, records, failures));
    EXPECT_TRUE(drive(
        loop, [&] { return group.running() == 0; }, 20'000));
  }
  audit.detach();
}

TEST(AuditTrailConcurrency, CoresShareTheChainWhileItRotates) {
  const Folder folder;
  config::AuditStream settings = group_in(folder / "audit.jsonl");
  settings.rotate_size = 60'000;
  settings.checkpoint_records = 50;
  std::vector<int> failures(3);
  {
    AuditTrail trail;
    std::vector<CoreAudit*> cores;
    for (int i = 0; i < 3; ++i) cores.push_back(&trail.add_core());
    trail.configure({settings});
    trail.start();
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < cores.size(); ++i) {
      threads.emplace_back(run_core, std::ref(*cores[i]), 8, 25, std::ref(failures[i]));
    }
    for (int i = 0; i < 5; ++i) trail.configure({settings});
    for (std::thread& thread : threads) thread.join();
    trail.stop(kBound);
  }
  EXPECT_EQ(failures, std::vector<int>(3));
  std::uint64_t intents = 0, outcomes = 0;
  for (const std::string& file : folder.files()) {
    intents += count(file, "\"kind\":\"intent\"");
    outcomes += count_outcomes(file);
  }
  EXPECT_EQ(intents, 600u);
  EXPECT_EQ(outcomes, 600u);
  const Verification result = verify(folder.files(), {});
  EXPECT_TRUE(result.is_good());
  EXPECT_EQ(result.chains.size(), 1u);
}

}  // namespace
}  // namespace postern::audit::test
