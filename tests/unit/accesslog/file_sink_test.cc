// A file that is appended to, rotated, archived and filled up to its limit.
#include "accesslog/file_sink.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>
#include <zstd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace postern::accesslog {
namespace {

namespace fs = std::filesystem;
using config::Compress;
using config::Rotate;

constexpr std::time_t kNoon = 1'795'176'000;  // 2026-11-20T12:00:00Z

std::time_t fake_now = kNoon;
std::time_t fake_clock() noexcept { return fake_now; }

/// Writes while no file of the process may grow beyond a size: as full as a disk can be made without root.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes) : bytes_(bytes), before_(std::signal(SIGXFSZ, SIG_IGN)) {}
  ~SmallFiles() { std::signal(SIGXFSZ, before_); }

  LineSink::Outcome write(LineSink& sink, std::string_view& lines) const {
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{bytes_, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const LineSink::Outcome outcome = sink.write(lines);
    ::setrlimit(RLIMIT_FSIZE, &before);
    return outcome;
  }

 private:
  rlim_t bytes_;
  void (*before_)(int);
};

class FileSinkTest : public ::testing::Test {
 protected:
  FileSinkTest() {
    std::string pattern = (fs::temp_directory_path() / "file_sink_test.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    fake_now = kNoon;
    ::setenv("TZ", "UTC0", 1);
    ::tzset();
  }
  ~FileSinkTest() override {
    fs::remove_all(folder_);
    ::unsetenv("TZ");
    ::tzset();
  }

  std::string path(const std::string& name = "a.log") const { return folder_ + '/' + name; }
  static std::string read(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) names.insert(entry.path().filename().string());
    return names;
  }
  std::unique_ptr<FileSink> open(const RotationPolicy& policy) {
    return std::make_unique<FileSink>(open_log_file(path()), path(), policy, registry_, &fake_clock);
  }
  static LineSink::Outcome write(LineSink& sink, std::string_view lines) { return sink.write(lines); }
  std::uint64_t count(metrics::Event event) const { return registry_.get(event); }

  std::string folder_;
  metrics::MetricsRegistry registry_;
};

TEST_F(FileSinkTest, RotatesDaily) {
  auto sink = open({.every = Rotate::daily});
  write(*sink, "one\n");
  fake_now += 12 * 3600;
  write(*sink, "two\n");
  EXPECT_EQ(read(path("a.log.2026-11-20")), "one\n");
  EXPECT_EQ(read(path()), "two\n");
  fake_now += 24 * 3600;
  sink->tick();
  EXPECT_EQ(read(path("a.log.2026-11-21")), "two\n") << "without a line, too";
  fake_now += 10 * 24 * 3600;
  sink->tick();
  EXPECT_EQ(files(), (std::set<std::string>{"a.log", "a.log.2026-11-20", "a.log.2026-11-21"})) << "no empty files";
  EXPECT_EQ(count(metrics::Event::access_log_rotated), 2U);
}

TEST_F(FileSinkTest, WhatAnEarlierProcessLeftIsOfItsDay) {
  std::ofstream(path()) << "old\n";
  fs::last_write_time(path(), fs::file_time_type::clock::now() - std::chrono::hours(48));
  fake_now = std::time(nullptr);
  const std::string stamp = period_of(Rotate::daily, fake_now - 48 * 3600).stamp;
  auto sink = open({.every = Rotate::daily});
  write(*sink, "new\n");
  EXPECT_EQ(read(path("a.log." + stamp)), "old\n");
  EXPECT_EQ(read(path()), "new\n");
}

TEST_F(FileSinkTest, RotatesBySizeBetweenLines) {
  auto sink = open({.size = 10});
  write(*sink, "1234\n1234\n1234\n");  // the third does not fit
  EXPECT_EQ(read(path("a.log.2026-11-20.1")), "1234\n1234\n");
  EXPECT_EQ(read(path()), "1234\n");
  write(*sink, "a line that is too long for any file\n1\n");
  EXPECT_EQ(read(path("a.log.2026-11-20.2")), "1234\n");
  EXPECT_EQ(read(path("a.log.2026-11-20.3")), "a line that is too long for any file\n");
  EXPECT_EQ(read(path()), "1\n");
}

TEST_F(FileSinkTest, SizeAndDayTogether) {
  auto sink = open({.every = Rotate::daily, .size = 10});
  write(*sink, "12345678\n12345678\n");
  fake_now += 24 * 3600;
  write(*sink, "3\n");
  EXPECT_EQ(files(), (std::set<std::string>{"a.log", "a.log.2026-11-20.1", "a.log.2026-11-20.2"}));
}

TEST_F(FileSinkTest, NeverReplacesAFile) {
  fs::create_directory(path("a.log.2026-11-20"));
  std::ofstream(path("a.log.2026-11-20.1")) << "mine";
  auto sink = open({.every = Rotate::daily});
  write(*sink, "one\n");
  fake_now += 24 * 3600;
  sink->tick();
  EXPECT_EQ(read(path("a.log.2026-11-20.1")), "mine");
  EXPECT_EQ(read(path("a.log.2026-11-20.2")), "one\n");
}

TEST_F(FileSinkTest, SomebodyElsesFileUnderTheNameIsNotMoved) {
  auto sink = open({.every = Rotate::daily});
  write(*sink, "one\n");
  fs::rename(path(), path("moved"));
  std::ofstream(path()) << "theirs\n";
  fake_now += 24 * 3600;
  write(*sink, "two\n");
  EXPECT_EQ(read(path("moved")), "one\n");
  EXPECT_EQ(read(path()), "theirs\ntwo\n");
  EXPECT_EQ(files(), (std::set<std::string>{"a.log", "moved"}));
}

TEST_F(FileSinkTest, AFailedRotationWritesOn) {
  auto sink = open({.every = Rotate::daily});
  write(*sink, "one\n");
  const std::string elsewhere = folder_ + ".elsewhere";
  fs::rename(folder_, elsewhere);
  fake_now += 24 * 3600;
  EXPECT_EQ(write(*sink, "two\n"), LineSink::Outcome::done);
  EXPECT_EQ(count(metrics::Event::access_log_rotate_failed), 1U);
  fs::rename(elsewhere, folder_);
  EXPECT_EQ(read(path()), "one\ntwo\n");
  write(*sink, "three\n");
  EXPECT_EQ(count(metrics::Event::access_log_rotate_failed), 1U) << "not at every line";
  fake_now += 60;
  write(*sink, "four\n");
  EXPECT_EQ(read(path("a.log.2026-11-20")), "one\ntwo\nthree\n");
}

TEST_F(FileSinkTest, AFullFileHoldsNoHalfLine) {
  const SmallFiles small(12);
  auto sink = open({});
  std::string_view lines = "1234\n6789\n1234\n";
  const LineSink::Outcome full = small.write(*sink, lines), still = small.write(*sink, lines);
  EXPECT_EQ(full, LineSink::Outcome::unavailable);
  EXPECT_EQ(still, LineSink::Outcome::unavailable);
  EXPECT_EQ(lines, "1234\n");
  EXPECT_EQ(read(path()), "1234\n6789\n");
  EXPECT_EQ(sink->write(lines), LineSink::Outcome::done);
  EXPECT_EQ(read(path()), "1234\n6789\n1234\n");
}

TEST_F(FileSinkTest, HalfALineBetweenOthersIsEnded) {
  auto sink = open({});
  write(*sink, "1\n");
  std::ofstream(path(), std::ios::app) << "2\n";  // another process: what is at the end need not be ours
  const SmallFiles small(6);
  std::string_view lines = "3456\n";
  small.write(*sink, lines);
  sink->write(lines);
  EXPECT_EQ(read(path()), "1\n2\n34\n3456\n");
}

std::string gunzip(const std::string& file) {
  gzFile in = gzopen(file.c_str(), "rb");
  std::string text(1 << 20, '\0');
  const int n = gzread(in, text.data(), static_cast<unsigned>(text.size()));
  gzclose(in);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

TEST_F(FileSinkTest, ArchiveCompressesAndDeletes) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i) + '\n';
  std::ofstream(path("a.log.2026-11-19")) << text;
  for (const char* name :
       {"a.log.2026-11-17.gz", "a.log.2026-11-18.zst", "a.log.1", "a.log.2026-11-01.mine", "b.log.2026-11-01"}) {
    std::ofstream(path(name)) << "x";
  }
  Archive archive(path(), {.every = Rotate::daily, .keep = 2, .compress = Compress::gzip}, registry_);
  archive.tidy(kNoon);
  EXPECT_EQ(files(), (std::set<std::string>{"a.log.2026-11-19.gz", "a.log.2026-11-18.zst", "a.log.1",
                                            "a.log.2026-11-01.mine", "b.log.2026-11-01"}));
  EXPECT_EQ(gunzip(path("a.log.2026-11-19.gz")), text);
  EXPECT_EQ(count(metrics::Event::access_log_archived), 1U);
}

TEST_F(FileSinkTest, ArchiveCompressesWithZstd) {
  const std::string text(300'000, 'z');
  std::ofstream(path("a.log.2026-11-19-07.3")) << text;
  fs::permissions(path("a.log.2026-11-19-07.3"), fs::perms(0640));
  Archive archive(path(), {.every = Rotate::hourly, .compress = Compress::zstd}, registry_);
  archive.tidy(kNoon);
  const std::string packed = read(path("a.log.2026-11-19-07.3.zst"));
  std::string plain(400'000, '\0');
  plain.resize(ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size()));
  EXPECT_EQ(plain, text);
  EXPECT_EQ(fs::status(path("a.log.2026-11-19-07.3.zst")).permissions(), fs::perms(0640));
}

TEST_F(FileSinkTest, ArchiveLeavesAFileThatIsStillWrittenTo) {
  auto other = open({});  // the process before, during an upgrade
  fs::rename(path(), path("a.log.2026-11-19"));
  Archive archive(path(), {.every = Rotate::daily, .compress = Compress::gzip}, registry_);
  archive.tidy(kNoon);
  write(*other, "last words\n");
  EXPECT_EQ(files(), (std::set<std::string>{"a.log.2026-11-19"}));
  other.reset();
  archive.tidy(kNoon);
  EXPECT_EQ(gunzip(path("a.log.2026-11-19.gz")), "last words\n");
  EXPECT_EQ(count(metrics::Event::access_log_archive_failed), 0U);
}

TEST_F(FileSinkTest, ArchiveWorksOnItsOwnThread) {
  {
    auto sink = open({.every = Rotate::daily, .compress = Compress::gzip});
    write(*sink, "one\n");
    fake_now += 24 * 3600;
    sink->tick();
    while (count(metrics::Event::access_log_archived) == 0) std::this_thread::yield();
  }
  EXPECT_EQ(gunzip(path("a.log.2026-11-20.gz")), "one\n");
  EXPECT_EQ(files(), (std::set<std::string>{"a.log", "a.log.2026-11-20.gz"}));
}

}  // namespace
}  // namespace postern::accesslog
