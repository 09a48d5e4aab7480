// See stream_sink.h.
#include "accesslog/stream_sink.h"

#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "accesslog/file_sink.h"

namespace postern::accesslog {
namespace {

bool is_regular_file(int fd) noexcept {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/// A pipe that polls writable takes PIPE_BUF bytes at once. Whole lines, so that other writers do not come between.
std::string_view first_piece(std::string_view lines) noexcept {
  if (lines.size() <= PIPE_BUF) return lines;
  const std::size_t newline = lines.substr(0, PIPE_BUF).rfind('\n');
  return lines.substr(0, newline == std::string_view::npos ? PIPE_BUF : newline + 1);
}

bool polls_writable(int fd, int timeout_ms) noexcept {
  pollfd poll_fd{fd, POLLOUT, 0};
  return ::poll(&poll_fd, 1, timeout_ms) > 0;  // also on POLLERR and POLLHUP: the write will tell
}

bool is_for_want_of_room(int error) noexcept { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

}  // namespace

StreamSink::StreamSink(int fd, std::string path) noexcept
    : fd_(fd), path_(std::move(path)), is_regular_(is_regular_file(fd)) {}

StreamSink::~StreamSink() {
  if (!path_.empty()) ::close(fd_);
}

LineSink::Outcome StreamSink::write(std::string_view& lines) noexcept {
  while (!lines.empty()) {
    if (!is_regular_ && !polls_writable(fd_, 0)) {
      errno = EAGAIN;
      return Outcome::blocked;
    }
    if (is_mid_line_ && ::write(fd_, "\n", 1) == 1) is_mid_line_ = false;
    const std::string_view piece = is_regular_ ? lines : first_piece(lines);
    const ssize_t n = ::write(fd_, piece.data(), piece.size());
    if (n > 0) {
      lines.remove_prefix(static_cast<std::size_t>(n));
      ends_mid_line_ = lines.data()[-1] != '\n';
    } else if (n < 0 && errno == EAGAIN) {
      return Outcome::blocked;
    } else if (n < 0 && is_for_want_of_room(errno)) {
      return Outcome::unavailable;
    } else if (n == 0 || errno != EINTR) {
      is_mid_line_ = ends_mid_line_;
      return Outcome::failed;
    }
  }
  return Outcome::done;
}

void StreamSink::wait(std::chrono::milliseconds at_most) noexcept {
  if (is_regular_) {
    ::poll(nullptr, 0, static_cast<int>(at_most.count()));
  } else {
    polls_writable(fd_, static_cast<int>(at_most.count()));
  }
}

void StreamSink::reopen() {
  if (path_.empty()) return;
  const int fd = open_log_file(path_);
  ::close(std::exchange(fd_, fd));
  is_regular_ = is_regular_file(fd_);
  is_mid_line_ = ends_mid_line_ = false;
}

}  // namespace postern::accesslog
