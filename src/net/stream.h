// A byte stream, plain or TLS: what the wires read from and write to. One branch per call tells them apart, which is
// nothing beside the system call behind it (docs/decisions/0004-one-stream.md). One core only.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/task.h"
#include "net/io_result.h"
#include "net/socket.h"

namespace postern::net {

class TlsSession;

class Stream {
 public:
  Stream() noexcept;
  Stream(Socket socket, Side side) noexcept;
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();

  /// Everything from here on is TLS. The session is fresh: handshake() first.
  void start_tls(std::unique_ptr<TlsSession> session) noexcept;
  Task<Result<void>> handshake(std::int64_t timeout_ms);

  [[nodiscard]] bool is_open() const noexcept { return socket_.is_open(); }
  [[nodiscard]] bool is_secure() const noexcept { return tls_ != nullptr; }
  [[nodiscard]] TlsSession* tls() const noexcept { return tls_.get(); }
  Socket& socket() noexcept { return socket_; }
  Loop& loop() const noexcept { return socket_.loop(); }
  FramePool& frames() const noexcept { return socket_.loop().frames(); }

  /// Without waiting.
  IoResult read(std::span<char> into) noexcept;
  IoResult write(std::span<const char> bytes) noexcept;
  /// Two pieces in one system call where the stream is plain.
  IoResult write(std::span<const char> first, std::span<const char> second) noexcept;
  /// Something may be there already: in the socket, or decrypted. False: wait before reading.
  [[nodiscard]] bool may_read() const noexcept;

  /// Waits until what `status` asks for (want_read, want_write) is there.
  Readiness::Awaiter wait(IoStatus status, std::int64_t timeout_ms) noexcept {
    return status == IoStatus::want_write ? socket_.writable().wait(timeout_ms) : socket_.readable().wait(timeout_ms);
  }
  /// Some bytes, at least one; Code::closed at the end.
  Task<Result<std::size_t>> read_some(std::span<char> into, std::int64_t timeout_ms);
  Task<Result<void>> write_all(std::string_view bytes, std::int64_t timeout_ms);

  /// The error that an IoResult or a wait means here.
  [[nodiscard]] Error error_of(IoStatus status) const noexcept;
  [[nodiscard]] Error error_of(Waited waited) const noexcept;

  void cancel() noexcept { socket_.cancel(); }
  /// Orderly: close_notify, then FIN.
  void shutdown_send() noexcept;
  /// The peer sees a reset.
  void abort() noexcept;
  void close() noexcept;

 private:
  Socket socket_;
  std::unique_ptr<TlsSession> tls_;
  Side side_ = Side::self;
};

}  // namespace postern::net
