// Opens a connection without blocking the core. Called by the dialer.
#pragma once

#include "base/error.h"
#include "base/task.h"
#include "net/socket.h"
#include "net/socket_address.h"

namespace postern::net {

/// Code::refused, ::timeout, ::unreachable or ::exhausted when it fails; always Retry::always, since nothing was sent.
/// `connecting`: set while it waits, for whoever wants to cancel() that.
Task<Result<Socket>> connect(Loop& loop, const SocketAddress& address, std::int64_t timeout_ms,
                             Socket** connecting = nullptr);

/// The two halves of connect(), for those who want to reach the socket while it waits for the peer.
struct Connecting {
  Socket socket;
  bool is_pending = false;  // wait until it is writable, then finish_connect()
};
Result<Connecting> start_connect(Loop& loop, const SocketAddress& address) noexcept;
Result<void> finish_connect(Socket& socket) noexcept;

}  // namespace postern::net
