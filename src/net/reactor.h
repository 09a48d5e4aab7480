// How the sockets of one core learn that they are ready: a set of our own beside Asio's reactor, which watches it as
// one descriptor. A socket is registered once and reported by edges ever after, so waiting costs no system call, where
// Asio's async_wait makes one each time (223 ns here, twice per request; docs/decisions/0002-own-reactor.md).
// Two engines, chosen when the process starts: an epoll set, or multishot polls on an io_uring. Part of Loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace postern::net {

class SocketBlock;

enum class Engine : std::uint8_t { epoll, io_uring };
const char* to_string(Engine engine) noexcept;

/// Whether the kernel (and whatever filters system calls) lets this process use io_uring; the reason when it does not.
bool io_uring_works(std::string& why_not);

class Reactor {
 public:
  /// Throws std::system_error. On the thread that will run the io_context.
  static std::unique_ptr<Reactor> make(Engine engine, boost::asio::io_context& io);

  Reactor() = default;
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  virtual ~Reactor() = default;

  /// Reports readability from now on. False when the kernel refuses.
  virtual bool add(SocketBlock& block) noexcept = 0;
  /// Reports writability: once, or from now on.
  virtual void want_writable(SocketBlock& block) noexcept = 0;
  /// The descriptor is about to be closed.
  virtual void closing(SocketBlock& block) noexcept = 0;
  /// No more reports; what still referred to sockets lets go.
  virtual void stop() noexcept = 0;

  /// Nobody refers to the block any more: it goes away, as soon as no report of the present batch can mean it.
  void bury(SocketBlock& block) noexcept;

 protected:
  /// Poll events (EPOLLIN and so on) of one socket.
  static void report(SocketBlock& block, std::uint32_t events) noexcept;
  void begin_batch() noexcept { in_batch_ = true; }
  void end_batch() noexcept;

 private:
  bool in_batch_ = false;
  std::vector<SocketBlock*> buried_;
};

}  // namespace postern::net
