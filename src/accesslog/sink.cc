// See sink.h.
#include "accesslog/sink.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace postern::accesslog {
namespace {

int open_path(const std::string& path) {
  // O_NONBLOCK: a FIFO without a reader is an error here instead of a hang; regular files do not care.
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "access log " + path);
  return fd;
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

}  // namespace

Sink::Sink(const std::string& path) {
  if (path.empty()) return;
  if (path == "stdout") {
    fd_ = STDOUT_FILENO;
  } else if (path == "stderr") {
    fd_ = STDERR_FILENO;
  } else {
    fd_ = open_path(path);
    owned_ = true;
  }
  struct stat status {};
  regular_ = ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode);
}

Sink::~Sink() { close(); }

Sink::Sink(Sink&& other) noexcept : fd_(std::exchange(other.fd_, -1)), owned_(other.owned_), regular_(other.regular_) {}

Sink& Sink::operator=(Sink&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
    owned_ = other.owned_;
    regular_ = other.regular_;
  }
  return *this;
}

void Sink::close() noexcept {
  if (fd_ >= 0 && owned_) ::close(fd_);
  fd_ = -1;
}

Sink::Outcome Sink::write(std::string_view& lines) noexcept {
  while (!lines.empty()) {
    if (!regular_ && !polls_writable(fd_, 0)) return Outcome::blocked;
    const std::string_view piece = regular_ ? lines : first_piece(lines);
    const ssize_t n = ::write(fd_, piece.data(), piece.size());
    if (n > 0) {
      lines.remove_prefix(static_cast<std::size_t>(n));
    } else if (n < 0 && errno == EAGAIN) {
      return Outcome::blocked;
    } else if (n == 0 || errno != EINTR) {
      return Outcome::failed;
    }
  }
  return Outcome::done;
}

void Sink::wait_writable(std::chrono::milliseconds at_most) noexcept {
  polls_writable(fd_, static_cast<int>(at_most.count()));
}

}  // namespace postern::accesslog
