// The daemon's own log: lines, levels, escaping, and messages that repeat.
#include "base/log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace postern::log {
namespace {

std::int64_t fake_now_ns = 0;
std::int64_t fake_clock() noexcept { return fake_now_ns; }

struct Pipe {
  Pipe() { EXPECT_EQ(::pipe(ends), 0); }
  ~Pipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  int ends[2];
};

/// A logger into a pipe, with a clock that stands.
class LogTest : public ::testing::Test {
 protected:
  void SetUp() override { fake_now_ns = 1'767'225'599'123'000'000; }  // 2025-12-31T23:59:59.123Z

  std::string written() {
    std::array<char, 65536> text;
    EXPECT_EQ(::write(pipe_.ends[1], "!", 1), 1);  // so that an empty pipe does not block
    const ssize_t n = ::read(pipe_.ends[0], text.data(), text.size());
    return {text.data(), static_cast<std::size_t>(n - 1)};
  }

  Pipe pipe_;
  Logger logger_{pipe_.ends[1], &fake_clock};
};

TEST_F(LogTest, WritesLogfmt) {
  logger_.write(
      Level::info, "listener open",
      {{"address", "127.0.0.1:80"}, {"workers", 4}, {"tls", true}, {"left", -1}, {"note", "two words"}, {"none", ""}});
  EXPECT_EQ(written(),
            "time=2025-12-31T23:59:59.123Z level=info msg=\"listener open\" address=127.0.0.1:80 workers=4 tls=true "
            "left=-1 note=\"two words\" none=\"\"\n");
}

TEST_F(LogTest, WritesJson) {
  logger_.set_format(Format::json);
  logger_.write(Level::error, "no", {{"file", "a\"b"}, {"line", std::uint64_t{18446744073709551615U}}});
  EXPECT_EQ(written(),
            "{\"time\":\"2025-12-31T23:59:59.123Z\",\"level\":\"error\",\"msg\":\"no\",\"file\":\"a\\\"b\","
            "\"line\":18446744073709551615}\n");
}

TEST_F(LogTest, NoValueBreaksItsLine) {
  for (const Format format : {Format::logfmt, Format::json}) {
    logger_.set_format(format);
    logger_.write(Level::warn, "m\r\nlevel=error",
                  {{"path", "/x\nmsg=forged \x1b[2J"}, {"long", std::string(100'000, 'x')}});
    const std::string line = written();
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
    EXPECT_LT(line.size(), 4096U);
    EXPECT_NE(line.find("xxx...\""), std::string::npos);
  }
}

TEST_F(LogTest, LevelDecidesAndChanges) {
  logger_.write(Level::debug, "unseen");
  EXPECT_EQ(written(), "");
  logger_.set_level(Level::debug);
  logger_.write(Level::debug, "seen");
  EXPECT_NE(written(), "");
  logger_.set_level(Level::error);
  logger_.write(Level::warn, "unseen");
  EXPECT_EQ(written(), "");
}

TEST_F(LogTest, RepeatedMessageIsHeldBackAndCounted) {
  for (int i = 0; i < 25; ++i) logger_.write(Level::warn, "endpoint refused", {{"try", i}});
  const std::string first = written();
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 10);
  logger_.write(Level::warn, "something else");
  EXPECT_NE(written(), "") << "other messages are not held back";
  fake_now_ns += Logger::kWindowNs;
  logger_.write(Level::warn, "endpoint refused");
  EXPECT_NE(written().find("held_back=15"), std::string::npos);
  logger_.write(Level::warn, "endpoint refused");
  EXPECT_EQ(written().find("held_back"), std::string::npos);
}

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 50; ++i) logger_.write(Level::info, std::to_string(t * 100 + i), {{"n", i}});
    });
  }
  threads.clear();
  const std::string text = written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 200);
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) EXPECT_EQ(text.compare(at, 5, "time="), 0);
}

TEST_F(LogTest, KeepsErrno) {
  errno = ENOSPC;
  logger_.write(Level::info, "x");
  EXPECT_EQ(errno, ENOSPC);
}

TEST_F(LogTest, TickTellsWhatWasHeldBackAndDidNotComeAgain) {
  for (int i = 0; i < 25; ++i) logger_.write(Level::warn, "endpoint refused");
  for (int i = 0; i < 3; ++i) logger_.write(Level::info, "something else");
  written();
  logger_.tick();
  EXPECT_EQ(written(), "") << "its window is not over";
  fake_now_ns += Logger::kWindowNs;
  logger_.tick();
  EXPECT_EQ(written(),
            "time=2026-01-01T00:00:09.123Z level=warn msg=\"lines were held back\" message=\"endpoint refused\" "
            "lines=15\n");
  logger_.tick();
  EXPECT_EQ(written(), "") << "once";
  EXPECT_EQ(logger_.held_back(), 15U);
  logger_.write(Level::warn, "endpoint refused");
  EXPECT_EQ(written().find("held_back"), std::string::npos) << "it has been told";
}

TEST_F(LogTest, PrefixTellsThePriority) {
  logger_.set_priority_prefix(true);
  logger_.set_level(Level::debug);
  for (const Level level : {Level::error, Level::warn, Level::info, Level::debug}) logger_.write(level, "x");
  const std::string text = written();
  for (const char* part : {"<3>time=", "\n<4>time=", "\n<6>time=", "\n<7>time="}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
}

class Kept final : public Output {
 public:
  bool write(Level level, std::string_view line) noexcept override {
    lines.emplace_back(level, line);
    return takes;
  }
  std::vector<std::pair<Level, std::string>> lines;
  bool takes = true;
};

TEST_F(LogTest, AnOutputGetsLinesWithoutTimeAndLevel) {
  Kept output;
  logger_.set_output(&output);
  logger_.set_priority_prefix(true);
  logger_.write(Level::warn, "a b", {{"c", 1}});
  logger_.set_format(Format::json);
  logger_.write(Level::info, "d");
  ASSERT_EQ(output.lines.size(), 2U);
  EXPECT_EQ(output.lines[0], std::make_pair(Level::warn, std::string("msg=\"a b\" c=1")));
  EXPECT_EQ(output.lines[1].second, "{\"time\":\"2025-12-31T23:59:59.123Z\",\"level\":\"info\",\"msg\":\"d\"}");
  output.takes = false;
  logger_.write(Level::info, "e");
  EXPECT_EQ(logger_.lost(), 1U);
  EXPECT_EQ(written(), "");
  logger_.set_output(nullptr);
  logger_.write(Level::info, "f");
  EXPECT_NE(written(), "");
}

TEST(IsJournal, ComparesDeviceAndInode) {
  const Pipe pipe;
  struct stat status {};
  ASSERT_EQ(::fstat(pipe.ends[1], &status), 0);
  const std::string good = std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
  EXPECT_TRUE(is_journal(pipe.ends[1], good.c_str()));
  EXPECT_FALSE(is_journal(pipe.ends[1], nullptr));
  for (const std::string& bad :
       {std::string(), std::string(":"), good + "0", "1" + good, good + "x", std::string("x:y")}) {
    EXPECT_FALSE(is_journal(pipe.ends[1], bad.c_str())) << bad;
  }
}

}  // namespace
}  // namespace postern::log
