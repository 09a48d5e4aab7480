// See file_sink.h.
#include "accesslog/file_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "base/log.h"

namespace postern::accesslog {
namespace {

constexpr std::time_t kRetrySeconds = 10;  // between rotations that fail

/// Room may come back: a disk, a quota, a limit on a file's size (which a rotation gets around).
bool is_for_want_of_room(int error) noexcept { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

bool is_same_file(const struct stat& a, const struct stat& b) noexcept {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// Renames without ever replacing a file that is there.
bool rename_to_new(const std::string& from, const std::string& to) noexcept {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  return ::link(from.c_str(), to.c_str()) == 0 && ::unlink(from.c_str()) == 0;  // filesystems without the flag
}

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

int open_log_file(const std::string& path) {
  // O_NONBLOCK: a FIFO without a reader is an error here instead of a hang; regular files do not care.
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (fd < 0) fail("access log " + path);
  return fd;
}

FileSink::FileSink(int fd, std::string path, const RotationPolicy& policy, metrics::MetricsRegistry& registry,
                   Clock clock)
    : path_(std::move(path)), policy_(policy), registry_(registry), clock_(clock) {
  adopt(fd);
  struct stat status {};
  // What an earlier process has left belongs to the period of its last line.
  const bool is_old = ::fstat(fd_, &status) == 0 && status.st_size != 0;
  period_ = period_of(policy_.every, is_old ? status.st_mtime : now());
  if (!policy_.rotates()) return;
  archive_ = std::make_unique<Archive>(path_, policy_, registry_);
  archive_->wake();
}

FileSink::~FileSink() { ::close(fd_); }

void FileSink::adopt(int fd) noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  ::flock(fd_, LOCK_SH | LOCK_NB);  // nobody compresses it while we may write; see compress.h
  is_mid_line_ = false;
  struct stat status {};
  size_ = ::fstat(fd_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

LineSink::Outcome FileSink::write(std::string_view& lines) noexcept {
  if (!policy_.rotates()) return append(lines);
  rotate_by_clock();
  while (!lines.empty()) {
    std::string_view piece = fitting(lines);
    if (piece.empty()) {
      const std::string stamp =
          policy_.every == config::Rotate::never ? period_of(policy_.every, now()).stamp : period_.stamp;
      if (now() >= next_try_ && rotate(stamp)) continue;
      piece = lines;  // a file that is too large is better than lost lines
    }
    const std::size_t before = piece.size();
    const Outcome outcome = append(piece);
    lines.remove_prefix(before - piece.size());
    if (outcome != Outcome::done) return outcome;
  }
  return Outcome::done;
}

LineSink::Outcome FileSink::append(std::string_view& lines) noexcept {
  const std::string_view whole = lines;
  if (is_mid_line_) {
    if (::write(fd_, "\n", 1) != 1) return is_for_want_of_room(errno) ? Outcome::unavailable : Outcome::failed;
    is_mid_line_ = false;
    ++size_;
  }
  while (!lines.empty()) {
    const ssize_t n = ::write(fd_, lines.data(), lines.size());
    if (n > 0) {
      size_ += static_cast<std::uint64_t>(n);
      lines.remove_prefix(static_cast<std::size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      const int why = n == 0 ? ENOSPC : errno;
      const std::string_view gone = whole.substr(0, whole.size() - lines.size());
      const std::size_t complete = gone.rfind('\n') + 1;  // npos + 1 is 0
      if (complete != gone.size()) take_back(gone.size() - complete);
      lines = whole.substr(complete);
      errno = why;
      return is_for_want_of_room(why) ? Outcome::unavailable : Outcome::failed;
    }
  }
  return Outcome::done;
}

void FileSink::take_back(std::size_t bytes) noexcept {
  struct stat status {};
  // Only while nobody else has written: during an upgrade two processes append to one file.
  const bool is_last = ::fstat(fd_, &status) == 0 && static_cast<std::uint64_t>(status.st_size) == size_;
  is_mid_line_ = !is_last || ::ftruncate(fd_, status.st_size - static_cast<off_t>(bytes)) != 0;
  if (!is_mid_line_) size_ -= bytes;
}

std::string_view FileSink::fitting(std::string_view lines) noexcept {
  if (policy_.size == 0 || size_ + lines.size() <= policy_.size) return lines;
  struct stat status {};
  if (::fstat(fd_, &status) == 0) size_ = static_cast<std::uint64_t>(status.st_size);  // somebody may have emptied it
  const std::uint64_t room = policy_.size > size_ ? policy_.size - size_ : 0;
  if (lines.size() <= room) return lines;
  const std::size_t last = room == 0 ? std::string_view::npos : lines.rfind('\n', room - 1);
  if (last != std::string_view::npos) return lines.substr(0, last + 1);
  return size_ == 0 ? lines.substr(0, lines.find('\n') + 1) : std::string_view();  // larger than any file may be
}

void FileSink::tick() noexcept {
  if (policy_.rotates()) rotate_by_clock();
}

void FileSink::rotate_by_clock() noexcept {
  const std::time_t time = now();
  if (time < period_.ends || time < next_try_) return;
  if (policy_.every == config::Rotate::never || size_ == 0 || rotate(period_.stamp)) {
    period_ = period_of(policy_.every, time);
  }
}

bool FileSink::rotate(const std::string& stamp) noexcept {
  try {
    swap_files(stamp);
    registry_.count(metrics::Event::access_log_rotated);
    archive_->wake();
    return true;
  } catch (const std::exception& failure) {
    registry_.count(metrics::Event::access_log_rotate_failed);
    next_try_ = now() + kRetrySeconds;
    log::error("access log: cannot rotate, writing on to the old file", {{"error", failure.what()}});
    return false;
  }
}

void FileSink::swap_files(const std::string& stamp) {
  // Only what is still our file is renamed: somebody may have put another one in its place.
  const std::string moved = is_ours() ? move_away(stamp) : std::string();
  try {
    adopt(open_log_file(path_));
  } catch (...) {
    if (!moved.empty()) rename_to_new(moved, path_);
    throw;
  }
}

std::string FileSink::move_away(const std::string& stamp) const {
  constexpr int kTries = 16;
  std::vector<ArchiveName> there = list_archives(path_);
  for (int i = 0; i < kTries; ++i) {
    const ArchiveName name = next_archive_name(there, stamp, policy_.size != 0);
    std::string to = path_ + '.' + name.text();
    if (rename_to_new(path_, to)) return to;
    if (errno != EEXIST) break;
    there.push_back(name);  // a folder or link of that name
  }
  fail("access log " + path_);
}

bool FileSink::is_ours() const noexcept {
  struct stat named {
  }, open{};
  return ::lstat(path_.c_str(), &named) == 0 && ::fstat(fd_, &open) == 0 && is_same_file(named, open);
}

void FileSink::wait(std::chrono::milliseconds at_most) noexcept {
  ::poll(nullptr, 0, static_cast<int>(at_most.count()));
}

void FileSink::reopen() {
  adopt(open_log_file(path_));
  if (size_ == 0) period_ = period_of(policy_.every, now());
}

}  // namespace postern::accesslog
