// An event loop on the test's own thread, driven until something has happened, and socket pairs for it.
// Bounded: what has not happened after two seconds never will.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/task_group.h"
#include "net/loop.h"
#include "net/socket.h"

namespace postern::test {

/// Runs the loop until `happened()`; false: it did not.
template <class Predicate>
bool drive(net::Loop& loop, Predicate happened, int patience_ms = 2'000) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  while (!happened()) {
    if (std::chrono::steady_clock::now() > end) return false;
    if (loop.io().stopped()) loop.io().restart();
    loop.run_deferred();
    loop.io().run_one_for(std::chrono::milliseconds(5));
    loop.run_deferred();
  }
  return true;
}

/// Everything that is ready now runs, and what that makes ready.
inline void settle(net::Loop& loop) {
  for (int i = 0; i < 8; ++i) {
    if (loop.io().stopped()) loop.io().restart();
    loop.run_deferred();
    while (loop.io().poll_one() != 0) loop.run_deferred();
  }
}

/// A task that runs beside the test, with its result.
template <class T>
class Running {
 public:
  Running(net::Loop& loop, Task<T> task) : loop_(loop), group_(loop.frames()) {
    group_.start(store(loop, std::move(task), result_));
  }
  ~Running() { EXPECT_EQ(group_.running(), 0u) << "a task outlives its test"; }
  [[nodiscard]] bool done() const { return group_.running() == 0; }
  /// Drives the loop until the end.
  T& get() {
    EXPECT_TRUE(drive(loop_, [&] { return done(); })) << "the task does not end";
    return *result_;
  }
  bool finish() {
    return drive(loop_, [&] { return done(); });
  }

 private:
  static Task<void> store(net::Loop&, Task<T> task, std::optional<T>& out) { out.emplace(co_await std::move(task)); }
  net::Loop& loop_;
  std::optional<T> result_;
  TaskGroup group_;
};

/// The same for a task without a result.
class RunningTask {
 public:
  RunningTask(net::Loop& loop, Task<void> task) : loop_(loop), group_(loop.frames()) { group_.start(std::move(task)); }
  ~RunningTask() { EXPECT_EQ(group_.running(), 0u) << "a task outlives its test"; }
  [[nodiscard]] bool done() const { return group_.running() == 0; }
  bool finish() {
    return drive(loop_, [&] { return done(); });
  }

 private:
  net::Loop& loop_;
  TaskGroup group_;
};

/// The other end of a socket: plain calls that never block.
class PeerEnd {
 public:
  explicit PeerEnd(int fd) : fd_(fd) { ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK); }
  PeerEnd(PeerEnd&& other) noexcept : fd_(std::exchange(other.fd_, -1)), ended_(other.ended_) {}
  ~PeerEnd() { close(); }
  [[nodiscard]] int fd() const { return fd_; }
  bool send(std::string_view bytes) {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  /// What is there now; ended() says whether the end has been seen.
  std::string receive() {
    std::string out;
    char block[65536];
    for (;;) {
      const ssize_t n = ::recv(fd_, block, sizeof block, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n == 0) ended_ = true;
      if (n < 0 && errno != EAGAIN) ended_ = broken_ = true;
      if (n <= 0) return out;
      out.append(block, static_cast<std::size_t>(n));
    }
  }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool broken() const { return broken_; }
  void shutdown_send() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }

 private:
  int fd_;
  bool ended_ = false;
  bool broken_ = false;
};

struct Pair {
  net::Socket socket;
  PeerEnd peer;
};

inline Pair make_pair(net::Loop& loop) {
  int fds[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
  return Pair{net::Socket(loop, fds[0]), PeerEnd(fds[1])};
}

/// TCP, where resets and half-closed ends matter.
inline Pair make_tcp_pair(net::Loop& loop) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_storage where{};
  socklen_t size = sizeof where;
  where.ss_family = AF_INET;
  EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&where), 16), 0);
  EXPECT_EQ(::listen(listener, 1), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&where), &size);
  const int ours = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(ours, reinterpret_cast<sockaddr*>(&where), size), 0);
  const int theirs = ::accept(listener, nullptr, nullptr);
  ::close(listener);
  ::fcntl(ours, F_SETFL, O_NONBLOCK);
  const int on = 1;
  for (const int fd : {ours, theirs}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return Pair{net::Socket(loop, ours), PeerEnd(theirs)};
}

/// Those that work here: io_uring may be forbidden.
inline std::vector<net::Engine> engines() {
  std::string why_not;
  if (!net::io_uring_works(why_not)) return {net::Engine::epoll};
  return {net::Engine::epoll, net::Engine::io_uring};
}

}  // namespace postern::test
