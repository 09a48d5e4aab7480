// The whole of it: cores write, a thread makes lines, files come and go, readers stall.
#include "accesslog/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

namespace postern::accesslog {
namespace {

using namespace std::chrono_literals;

class AccessLogTest : public ::testing::Test {
 protected:
  AccessLogTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "access_log_test.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~AccessLogTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const char* name) const { return folder_ + '/' + name; }
  static std::string read(const std::string& file) {
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  static long lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }
  std::uint64_t written() const { return registry_.get(metrics::Event::access_log_written); }
  std::uint64_t lost() const { return registry_.get(metrics::Event::access_log_lost); }
  /// Until the writer has done its part.
  void await_written(std::uint64_t count) const {
    while (written() < count) std::this_thread::yield();
  }
  static AccessRecord record(std::string_view target) {
    AccessRecord record;
    record.method = "GET";
    record.target = target;
    record.status = 200;
    return record;
  }

  std::string folder_;
  metrics::MetricsRegistry registry_;
  metrics::CoreMetrics& core_metrics_ = registry_.add_core();
};

TEST_F(AccessLogTest, StopWritesWhatIsHeld) {
  AccessLog log({path("a.log"), Format::common, 4096}, registry_);
  CoreLog& core = log.add_core(core_metrics_);
  log.start();
  for (int i = 0; i < 1000; ++i) core.write(record("/x"));
  log.stop(5s);
  EXPECT_EQ(lines(read(path("a.log"))), 1000);
  EXPECT_EQ(written(), 1000U);
  EXPECT_EQ(lost(), 0U);
  struct stat status {};
  ASSERT_EQ(::stat(path("a.log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07, 0U) << "not for everybody";
}

TEST_F(AccessLogTest, AppendsAndReopensUnderTheSameName) {
  std::ofstream(path("a.log")) << "before\n";
  AccessLog log({path("a.log"), Format::common, 4096}, registry_);
  CoreLog& core = log.add_core(core_metrics_);
  log.start();
  core.write(record("/one"));
  await_written(1);
  std::filesystem::rename(path("a.log"), path("a.log.1"));
  log.reopen();
  while (!std::filesystem::exists(path("a.log"))) std::this_thread::yield();
  core.write(record("/two"));
  log.stop(5s);
  EXPECT_EQ(lines(read(path("a.log.1"))), 2);
  EXPECT_NE(read(path("a.log")).find("/two"), std::string::npos);
}

TEST_F(AccessLogTest, RecordsBeforeReopenGoIntoTheOldFile) {
  AccessLog log({path("a.log"), Format::common, 4096}, registry_);
  CoreLog& core = log.add_core(core_metrics_);
  core.write(record("/one"));
  std::filesystem::rename(path("a.log"), path("a.log.1"));
  log.reopen();
  log.start();
  log.stop(5s);
  EXPECT_EQ(lines(read(path("a.log.1"))), 1);
  EXPECT_EQ(read(path("a.log")), "");
}

TEST_F(AccessLogTest, FailedReopenKeepsTheOldFile) {
  std::filesystem::create_directory(path("d"));
  AccessLog log({path("d/a.log"), Format::common, 4096}, registry_);
  CoreLog& core = log.add_core(core_metrics_);
  std::filesystem::rename(path("d"), path("e"));
  log.reopen();
  log.start();
  core.write(record("/one"));
  log.stop(5s);
  EXPECT_EQ(lines(read(path("e/a.log"))), 1);
}

TEST_F(AccessLogTest, UnusablePathIsOneLine) {
  try {
    AccessLog log({path("missing/a.log"), Format::json, 4096}, registry_);
    FAIL();
  } catch (const std::system_error& failure) {
    EXPECT_NE(std::string(failure.what()).find("missing/a.log"), std::string::npos);
    EXPECT_NE(std::string(failure.what()).find("No such file"), std::string::npos);
  }
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_THROW(AccessLog({path("fifo"), Format::json, 4096}, registry_), std::system_error)
      << "must not wait for a reader";
}

TEST_F(AccessLogTest, ConfigureChangesPathFormatAndTurnsOff) {
  AccessLog log({"", Format::json, 4096}, registry_);
  CoreLog& core = log.add_core(core_metrics_);
  log.start();
  EXPECT_FALSE(core.is_enabled());
  log.configure({path("a.log"), Format::json, 4096});
  EXPECT_TRUE(core.is_enabled());
  core.write(record("/one"));
  await_written(1);
  EXPECT_THROW(log.configure({path("missing/x"), Format::json, 0}), std::system_error);
  EXPECT_TRUE(core.is_enabled());
  log.configure({path("b.log"), Format::common, 4096});
  core.write(record("/two"));
  await_written(2);
  log.configure({"", Format::common, 4096});
  EXPECT_FALSE(core.is_enabled());
  log.stop(5s);
  EXPECT_EQ(read(path("a.log"))[0], '{');
  EXPECT_EQ(lines(read(path("a.log"))) + lines(read(path("b.log"))), 2);
}

TEST_F(AccessLogTest, FullDiskLosesLinesAndCounts) {
  AccessLog log({"/dev/full", Format::common, 4096}, registry_);
  CoreLog& core = log.add_core(core_metrics_);
  log.start();
  for (int i = 0; i < 100; ++i) core.write(record("/x"));
  log.stop(5s);
  EXPECT_EQ(lost(), 100U);
  EXPECT_EQ(written(), 0U);
}

TEST_F(AccessLogTest, StalledReaderStopsNobody) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  const int reader = ::open(path("fifo").c_str(), O_RDONLY | O_NONBLOCK);
  AccessLog log({path("fifo"), Format::json, 256}, registry_);
  CoreLog& core = log.add_core(core_metrics_);
  log.start();
  constexpr std::uint64_t kRecords = 20'000;
  const std::string target(200, 't');
  for (std::uint64_t i = 0; i < kRecords; ++i) core.write(record(target));
  const auto before = std::chrono::steady_clock::now();
  log.stop(50ms);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s) << "bounded";
  ::close(reader);
  EXPECT_GT(lost(), 0U);
  EXPECT_LT(written() + lost(), kRecords) << "the rest was dropped by the ring";
}

TEST_F(AccessLogTest, ManyCores) {
  constexpr int kCores = 4, kEach = 5000;
  AccessLog log({path("a.log"), Format::json, 16384}, registry_);
  CoreLog* cores[kCores];
  for (CoreLog*& core : cores) core = &log.add_core(registry_.add_core());
  log.start();
  {
    std::vector<std::jthread> threads;
    for (CoreLog* core : cores) {
      threads.emplace_back([core] {
        for (int i = 0; i < kEach; ++i) core->write(record("/v1/models/m:predict"));
      });
    }
  }
  log.stop(10s);
  const std::string text = read(path("a.log"));
  EXPECT_EQ(static_cast<std::uint64_t>(lines(text)), written());
  EXPECT_EQ(written() + lost(), static_cast<std::uint64_t>(kCores) * kEach);
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) ASSERT_EQ(text[at], '{');
}

}  // namespace
}  // namespace postern::accesslog
