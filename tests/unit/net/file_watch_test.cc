#include "net/file_watch.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "unit/net/tls_test_support.h"

namespace postern::net {
namespace {

using test::TempDir;
namespace fs = std::filesystem;

bool is_readable(const FileWatch& watch) {
  pollfd wait{watch.fd(), POLLIN, 0};
  return ::poll(&wait, 1, 0) == 1;
}

TEST(FileWatch, IsQuietWhenNothingHappens) {
  const TempDir dir;
  FileWatch watch({dir.write("a", "1")});
  ASSERT_GE(watch.fd(), 0);
  EXPECT_FALSE(is_readable(watch));
  EXPECT_FALSE(watch.drain_changed());
}

TEST(FileWatch, SeesWritesRenamesAndRemovals) {
  const TempDir dir;
  FileWatch watch({dir.write("a", "1"), dir.path("later")});
  dir.write("a", "22");
  EXPECT_TRUE(is_readable(watch));
  EXPECT_TRUE(watch.drain_changed());
  EXPECT_FALSE(is_readable(watch));
  fs::rename(dir.write("a.new", "33"), dir.path("a"));
  EXPECT_TRUE(watch.drain_changed());
  dir.write("later", "x");
  EXPECT_TRUE(watch.drain_changed());
  fs::remove(dir.path("a"));
  EXPECT_TRUE(watch.drain_changed());
  EXPECT_FALSE(watch.drain_changed());
}

TEST(FileWatch, IgnoresTheNeighbours) {
  const TempDir dir;
  FileWatch watch({dir.write("a", "1")});
  dir.write("b", "2");
  EXPECT_TRUE(is_readable(watch));
  EXPECT_FALSE(watch.drain_changed());
}

// As the kubelet does it: a new dated directory, a new link ..data_tmp renamed over ..data, the old directory removed.
TEST(FileWatch, SurvivesSymlinkSwapsThreeTimes) {
  const TempDir dir;
  const auto publish = [&dir](const std::string& version) {
    fs::create_directory(dir.path("..v" + version));
    dir.write("..v" + version + "/tls.crt", "certificate");  // the same size and perhaps the same time each round
    dir.write("..v" + version + "/tls.key", "key");
    fs::create_symlink("..v" + version, dir.path("..data_tmp"));
    fs::rename(dir.path("..data_tmp"), dir.path("..data"));
  };
  publish("0");
  fs::create_symlink("..data/tls.crt", dir.path("tls.crt"));
  fs::create_symlink("..data/tls.key", dir.path("tls.key"));
  FileWatch watch({dir.path("tls.crt"), dir.path("tls.key")});
  EXPECT_FALSE(watch.drain_changed());
  for (int round = 1; round <= 3; ++round) {
    publish(std::to_string(round));
    EXPECT_TRUE(is_readable(watch)) << round;
    EXPECT_TRUE(watch.drain_changed()) << round;
    fs::remove_all(dir.path("..v" + std::to_string(round - 1)));
    EXPECT_FALSE(watch.drain_changed()) << round;
    EXPECT_FALSE(is_readable(watch)) << round;
  }
}

TEST(FileWatch, FollowsADirectoryThatIsALink) {
  const TempDir dir;
  fs::create_directory(dir.path("v1"));
  fs::create_directory(dir.path("v2"));
  dir.write("v1/a", "1");
  dir.write("v2/a", "2");
  fs::create_directory_symlink("v1", dir.path("live"));
  FileWatch watch({dir.path("live/a")});
  for (const char* next : {"v2", "v1", "v2"}) {
    fs::create_directory_symlink(next, dir.path("next"));
    fs::rename(dir.path("next"), dir.path("live"));
    EXPECT_TRUE(is_readable(watch));
    EXPECT_TRUE(watch.drain_changed());
  }
  dir.write("v2/a", "33");
  EXPECT_TRUE(is_readable(watch));
  EXPECT_TRUE(watch.drain_changed());
}

TEST(FileWatch, WaitsForADirectoryThatIsNotThere) {
  const TempDir dir;
  FileWatch watch({dir.path("x/y/a")});
  EXPECT_FALSE(watch.drain_changed());
  fs::create_directories(dir.path("x/y"));
  EXPECT_TRUE(is_readable(watch));
  watch.drain_changed();
  dir.write("x/y/a", "1");
  EXPECT_TRUE(is_readable(watch));
  EXPECT_TRUE(watch.drain_changed());
}

}  // namespace
}  // namespace postern::net
