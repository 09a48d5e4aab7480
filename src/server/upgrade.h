// Replaces the running binary: starts the new one with our listening sockets and waits until it serves. What becomes of
// this process then is the daemon's affair; a new one that fails leaves all as it was. Control thread only.
#pragma once

#include <sys/types.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/inherited.h"

namespace postern::server {

/// How this process was started, to start its successor alike.
struct Invocation {
  std::string program;  // as it was called where that was a path: what stands there later is the new one
  std::vector<std::string> arguments;
  std::vector<std::string> environment;

  /// At the very start, before anything changes the environment or the directory.
  static Invocation of(int argc, char** argv);
};

class Upgrade {
 public:
  using Done = std::function<void(bool ready, const std::string& why_not)>;

  Upgrade(boost::asio::io_context& io, Invocation invocation);
  ~Upgrade();
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;

  /// `done` is called once, later: it serves, or it is dead. The descriptors remain ours. Not while one is on the way.
  void begin(const std::vector<HandoverSocket>& sockets, std::chrono::milliseconds timeout, Done done);
  [[nodiscard]] bool is_running() const noexcept { return static_cast<bool>(done_); }
  /// The successor, while it is awaited and within `done`.
  [[nodiscard]] pid_t successor() const noexcept { return child_; }
  /// The successor is told to end; `done` is not called any more.
  void give_up() noexcept;
  /// Children that have ended are buried.
  void reap() noexcept;

 private:
  std::string spawn(const std::vector<HandoverSocket>& sockets, int ready_fd);
  void wait_for_word();
  void finish(bool ready, const std::string& why_not);

  const Invocation invocation_;
  boost::asio::io_context& io_;
  boost::asio::posix::stream_descriptor word_;
  boost::asio::steady_timer deadline_;
  std::array<char, 16> text_{};
  pid_t child_ = 0;
  std::vector<pid_t> unburied_;
  Done done_;
};

}  // namespace postern::server
