// Tells when any of some files changed content, whoever replaced them and however: in place, by rename, or through
// symlinked directories that swap (Kubernetes' ..data). Watches directories, never files. Control thread only; the
// owner waits for fd() to be readable (or polls, when there is none) and calls drain_changed(). Does not read the files
// for anybody.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace postern::net {

class FileWatch {
 public:
  explicit FileWatch(std::vector<std::string> files);
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  /// Readable when a watched directory changed; -1 when the system gives no inotify: poll every kPollInterval.
  /// Never changes.
  int fd() const noexcept { return fd_; }
  static constexpr std::chrono::seconds kPollInterval{10};
  /// Writers replace several files in a row: wait this long after fd() became readable, then call drain_changed().
  static constexpr std::chrono::milliseconds kSettle{200};

  /// Empties fd(), renews the watches (a swapped symlink leads elsewhere), and compares the files with the last time.
  /// True: at least one differs, appeared or went. Never blocks.
  bool drain_changed();

 private:
  struct Stamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = -1;  // -1: not there
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };

  static Stamp stamp_of(const std::string& file);
  bool renew_watches();
  bool compare();

  const std::vector<std::string> files_;
  int fd_ = -1;
  std::vector<Stamp> stamps_;  // as files_
  std::set<int> watches_;      // descriptors in use
};

}  // namespace postern::net
