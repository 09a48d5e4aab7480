// The daemon's own log: lines, levels, escaping, and messages that repeat.
#include "base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <thread>
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

}  // namespace
}  // namespace postern::log
