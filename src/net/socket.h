// A connected stream socket (TCP or Unix) driven by readiness: reads and writes are plain non-blocking calls on the
// descriptor, and a coroutine waits only when there is nothing to do. An idle connection therefore holds no buffer,
// and TLS runs straight on the descriptor. One core only.
#pragma once

#include <sys/uio.h>

#include <coroutine>
#include <cstddef>
#include <span>
#include <utility>

#include "net/io_result.h"
#include "net/lazy_deadline.h"
#include "net/loop.h"

namespace postern::net {

enum class Waited : std::uint8_t { ready, timeout, cancelled };

/// Told when a socket that nobody awaits becomes readable: data, FIN or a reset.
class ReadableObserver {
 public:
  virtual void on_readable() noexcept = 0;

 protected:
  ~ReadableObserver() = default;
};

class SocketBlock;

/// One direction of a socket, awaited by at most one coroutine.
class Readiness {
 public:
  Readiness(SocketBlock& block, bool reads) noexcept;

  /// May be readable (or writable): something was reported, and nobody has found it drained since. Readers and writers
  /// go on until they see the end of it (EAGAIN, a short read): the report comes only once.
  [[nodiscard]] bool is_ready() const noexcept { return ready_; }
  void clear_ready() noexcept;
  void prefetch_waiter() const noexcept {
    const char* const frame = static_cast<const char*>(waiter_.address());
    if (!frame) return;
    __builtin_prefetch(frame);
    __builtin_prefetch(frame + 64);
  }
  /// There is something left that a look did not take.
  void set_ready() noexcept { ready_ = true; }

  /// Ends the wait, if there is one, with `cancelled`: from the event loop, not from here.
  void interrupt() noexcept;
  /// The same, and every later wait ends at once.
  void cancel() noexcept;

  struct Awaiter {
    Readiness& readiness;
    std::int64_t timeout_ms;
    bool await_ready() noexcept {
      readiness.result_ = readiness.cancelled_ ? Waited::cancelled : Waited::ready;
      return readiness.cancelled_ || readiness.ready_;
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { readiness.suspend(waiter, timeout_ms); }
    Waited await_resume() const noexcept { return readiness.result_; }
  };
  /// co_await it. A timeout <= 0 waits for ever.
  Awaiter wait(std::int64_t timeout_ms) noexcept { return Awaiter{*this, timeout_ms}; }

 private:
  friend class Reactor;
  friend class Socket;
  friend struct Awaiter;
  void suspend(std::coroutine_handle<> waiter, std::int64_t timeout_ms) noexcept;
  void arm() noexcept;
  /// The reactor's report. Whoever calls holds a reference to the block.
  void fired() noexcept;
  void resume(Waited result) noexcept;

  SocketBlock& block_;
  std::coroutine_handle<> waiter_;
  LazyDeadline deadline_;
  std::uint32_t waits_ = 0;  // which wait an interruption was meant for
  Waited result_ = Waited::ready;
  bool reads_;
  bool ready_ = false;
  bool cancelled_ = false;
};

class Socket {
 public:
  Socket() = default;
  /// Takes a connected (or connecting) non-blocking descriptor. Not open afterwards: out of resources, and closed.
  Socket(Loop& loop, int fd) noexcept;
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
  [[nodiscard]] const Readiness& readable() const noexcept;
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
  IoResult blocked_or_broken(Readiness& direction, IoStatus wanted) noexcept;

  SocketBlock* block_ = nullptr;
};

}  // namespace postern::net
