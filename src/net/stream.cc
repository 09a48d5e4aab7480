#include "net/stream.h"

#include <array>

#include "net/tls_session.h"

namespace postern::net {

Stream::Stream() noexcept = default;
Stream::Stream(Socket socket, Side side) noexcept : socket_(std::move(socket)), side_(side) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() = default;

void Stream::start_tls(std::unique_ptr<TlsSession> session) noexcept { tls_ = std::move(session); }

Task<Result<void>> Stream::handshake(std::int64_t timeout_ms) {
  const std::int64_t deadline = coarse_now_ms() + timeout_ms;
  for (;;) {
    const IoResult step = tls_->handshake();
    if (step.status == IoStatus::ok) {
      // The session's own note that the descriptor was empty is ours from here on: left with it, the next read would
      // trust the note after the report that made it stale, and wait for a report that does not come.
      if (tls_->take_drained())
        socket_.readable().clear_ready();
      else
        socket_.readable().set_ready();
      co_return Result<void>();
    }
    if (step.status != IoStatus::want_read && step.status != IoStatus::want_write) {
      co_return Error{Code::tls, side_, Retry::never};
    }
    (step.status == IoStatus::want_read ? socket_.readable() : socket_.writable()).clear_ready();
    const std::int64_t left = deadline - coarse_now_ms();
    if (left <= 0) co_return error_of(Waited::timeout);
    const Waited waited = co_await wait(step.status, left);
    if (waited != Waited::ready) co_return error_of(waited);
  }
}

IoResult Stream::read(std::span<char> into) noexcept {
  if (!tls_) return socket_.read(into);
  const IoResult got = tls_->read(into);
  // The session reads the descriptor itself: it knows when that is empty.
  if (got.status == IoStatus::want_read || (got.status == IoStatus::ok && tls_->take_drained()))
    socket_.readable().clear_ready();
  if (got.status == IoStatus::want_write) socket_.writable().clear_ready();
  return got;
}

IoResult Stream::write(std::span<const char> bytes) noexcept {
  if (!tls_) return socket_.write(bytes);
  const IoResult sent = tls_->write(bytes);
  if (sent.status == IoStatus::want_write) socket_.writable().clear_ready();
  if (sent.status == IoStatus::want_read) socket_.readable().clear_ready();
  return sent;
}

IoResult Stream::write(std::span<const char> first, std::span<const char> second) noexcept {
  if (second.empty()) return write(first);
  if (first.empty()) return write(second);
  if (tls_) return write(first);
  const std::array<iovec, 2> parts{iovec{const_cast<char*>(first.data()), first.size()},
                                   iovec{const_cast<char*>(second.data()), second.size()}};
  return socket_.write_vectors(parts);
}

bool Stream::may_read() const noexcept { return socket_.readable().is_ready() || (tls_ && tls_->has_pending()); }

Task<Result<std::size_t>> Stream::read_some(std::span<char> into, std::int64_t timeout_ms) {
  for (;;) {
    const IoResult got = read(into);
    if (got.status == IoStatus::ok) co_return got.bytes;
    if (got.status != IoStatus::want_read && got.status != IoStatus::want_write) co_return error_of(got.status);
    const Waited waited = co_await wait(got.status, timeout_ms);
    if (waited != Waited::ready) co_return error_of(waited);
  }
}

Task<Result<void>> Stream::write_all(std::string_view bytes, std::int64_t timeout_ms) {
  while (!bytes.empty()) {
    const IoResult sent = write({bytes.data(), bytes.size()});
    if (sent.status == IoStatus::ok) {
      bytes.remove_prefix(sent.bytes);
      continue;
    }
    if (sent.status != IoStatus::want_read && sent.status != IoStatus::want_write) co_return error_of(sent.status);
    const Waited waited = co_await wait(sent.status, timeout_ms);
    if (waited != Waited::ready) co_return error_of(waited);
  }
  co_return Result<void>();
}

Error Stream::error_of(IoStatus status) const noexcept {
  return Error{status == IoStatus::eof ? Code::closed : Code::reset, side_, Retry::if_reused};
}

Error Stream::error_of(Waited waited) const noexcept {
  return Error{waited == Waited::timeout ? Code::timeout : Code::cancelled, side_, Retry::never};
}

void Stream::shutdown_send() noexcept {
  if (!socket_.is_open()) return;
  if (tls_) tls_->shutdown();
  socket_.shutdown_send();
}

void Stream::abort() noexcept {
  if (!socket_.is_open()) return;
  socket_.reset_on_close();
  close();
}

void Stream::close() noexcept {
  if (tls_ && socket_.is_open()) tls_->shutdown();
  socket_.close();
}

}  // namespace postern::net
