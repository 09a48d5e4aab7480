// The loop that every body goes through.
#include <gtest/gtest.h>

#include <optional>

#include "base/task_group.h"
#include "unit/proxy/fake_exchange.h"

namespace postern {
namespace {

using test::PieceSource;
using test::TextSink;

Task<void> run(PieceSource& source, TextSink& sink, std::optional<Result<void>>& out) {
  out = co_await pump(source, sink);
}

Result<void> pumped(PieceSource& source, TextSink& sink) {
  TaskGroup group(source.frames());
  std::optional<Result<void>> out;
  group.start(run(source, sink, out));
  EXPECT_TRUE(out.has_value());
  return out.value();
}

TEST(Pump, MovesEverythingAndLeavesTheEndToItsCaller) {
  FramePool pool;
  PieceSource source(pool, {"a", "", "bc", "d"});
  TextSink sink(pool);
  EXPECT_TRUE(pumped(source, sink));
  EXPECT_EQ(sink.text, "abcd");
  EXPECT_FALSE(sink.finished);
  EXPECT_EQ(source.received(), 4u);
}

TEST(Pump, FlushesBeforeItWaitsForMore) {
  FramePool pool;
  PieceSource source(pool, {"event 1", "event 2", "event 3"});
  TextSink sink(pool);
  EXPECT_TRUE(pumped(source, sink));
  EXPECT_GE(sink.flushes, source.fills);
}

TEST(Pump, NeverPutsOntoABorrowedRun) {
  FramePool pool;
  PieceSource source(pool, {"aaaa", "bbbb", "cccc"});
  TextSink sink(pool);
  sink.borrows = true;
  EXPECT_TRUE(pumped(source, sink));
  EXPECT_FALSE(sink.overran);
  EXPECT_EQ(sink.text, "aaaabbbbcccc");
}

TEST(Pump, TellsWhoseEndBroke) {
  FramePool pool;
  PieceSource source(pool, {"half"});
  source.ends = false;
  TextSink sink(pool);
  EXPECT_EQ(pumped(source, sink).error().side, Side::downstream);
  EXPECT_EQ(sink.text, "half");
  PieceSource whole(pool, {"a", "b"});
  TextSink gone(pool);
  gone.fails = true;
  EXPECT_EQ(pumped(whole, gone).error().side, Side::upstream);
}

TEST(PumpReady, TakesWhatIsHereAndSaysWhetherThatWasAll) {
  FramePool pool;
  TextSink sink(pool);
  PieceSource empty(pool, {});
  EXPECT_TRUE(pump_ready(empty, sink));
  PieceSource more(pool, {"later"});
  EXPECT_FALSE(pump_ready(more, sink));
  EXPECT_EQ(sink.text, "");
}

TEST(PumpReady, StopsWhereTheSinkBlocks) {
  FramePool pool;
  PieceSource source(pool, {"abc"});
  TextSink sink(pool);
  sink.borrows = sink.blocks = true;
  EXPECT_FALSE(pump_ready(source, sink));
  sink.put("x");
  EXPECT_FALSE(pump_ready(source, sink));
  EXPECT_EQ(source.received(), 0u);
}

}  // namespace
}  // namespace postern
