// A connected stream socket (TCP or Unix) driven by readiness: reads and writes are plain non-blocking calls on the
// descriptor, and a coroutine waits only when there is nothing to do. An idle connection therefore holds no buffer,
// and TLS runs straight on the descriptor. One core only.
//
// Waiting costs one epoll_ctl and no allocation: the operation's memory stands in the socket's own block.
#pragma once

#include <sys/uio.h>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <coroutine>
#include <cstddef>
#include <span>
#include <utility>

#include "net/io_result.h"
#include "net/loop.h"

namespace postern::net {

using AsioSocket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Loop::Executor>;

enum class Waited : std::uint8_t { ready, timeout, cancelled };

/// Told when a socket that nobody awaits becomes readable: data, FIN or a reset.
class ReadableObserver {
 public:
  virtual void on_readable() noexcept = 0;

 protected:
  ~ReadableObserver() = default;
};

class SocketBlock;

/// One direction of a socket: armed with the reactor at most once, awaited by at most one coroutine.
class Readiness {
 public:
  Readiness(SocketBlock& block, bool reads) noexcept;

  /// Asks the reactor to tell; no effect when it was asked already.
  void arm() noexcept;
  /// Ends the wait, if there is one, with `cancelled`: from the event loop, not from here.
  void interrupt() noexcept;
  /// The same, and every later wait ends at once.
  void cancel() noexcept;
  /// Known to be readable (or writable) without asking: something fired while nobody waited.
  [[nodiscard]] bool is_ready() const noexcept { return ready_; }
  void clear_ready() noexcept { ready_ = false; }

  struct Awaiter {
    Readiness& readiness;
    std::int64_t timeout_ms;
    bool await_ready() noexcept {
      if (readiness.cancelled_) readiness.result_ = Waited::cancelled;
      else if (readiness.ready_) readiness.result_ = Waited::ready;
      else return false;
      readiness.ready_ = false;
      return true;
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { readiness.suspend(waiter, timeout_ms); }
    Waited await_resume() const noexcept { return readiness.result_; }
  };
  /// co_await it. A timeout <= 0 waits for ever.
  Awaiter wait(std::int64_t timeout_ms) noexcept { return Awaiter{*this, timeout_ms}; }

 private:
  friend class Socket;
  friend struct WaitHandler;
  friend struct Awaiter;
  void suspend(std::coroutine_handle<> waiter, std::int64_t timeout_ms) noexcept;
  void fired(const boost::system::error_code& error) noexcept;
  void resume(Waited result) noexcept;

  SocketBlock& block_;
  std::coroutine_handle<> waiter_;
  Timer timer_;
  Waited result_ = Waited::ready;
  bool reads_;
  bool armed_ = false;
  bool ready_ = false;
  bool cancelled_ = false;
};

class Socket {
 public:
  Socket() = default;
  Socket(Loop& loop, AsioSocket socket);  // takes a connected (or connecting) non-blocking socket
  Socket(Socket&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { close(); }

  [[nodiscard]] bool is_open() const noexcept { return block_ != nullptr; }
  [[nodiscard]] int fd() const noexcept;
  Loop& loop() const noexcept;

  IoResult read(std::span<char> into) noexcept;
  IoResult write(std::span<const char> bytes) noexcept;
  IoResult write_vectors(std::span<const iovec> parts) noexcept;

  Readiness& readable() noexcept;
  Readiness& writable() noexcept;
  void observe(ReadableObserver* observer) noexcept;

  /// Ends both waits with `cancelled`.
  void cancel() noexcept;
  /// FIN after what was sent.
  void shutdown_send() noexcept;
  /// The peer shall see a reset and not an end.
  void reset_on_close() noexcept;
  /// The peer has ended its sending side.
  [[nodiscard]] bool peer_finished() const noexcept;
  /// The connection is broken in both directions.
  [[nodiscard]] bool is_broken() const noexcept;
  /// Nothing has come from the peer: no byte, no end.
  [[nodiscard]] bool is_quiet() const noexcept;
  void close() noexcept;

 private:
  SocketBlock* block_ = nullptr;
};

/// Non-blocking, close-on-exec, no delay on TCP.
void prepare_socket(int fd, bool tcp) noexcept;

}  // namespace postern::net
