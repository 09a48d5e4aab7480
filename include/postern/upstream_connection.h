// A connection to an endpoint that can carry requests; pools keep them, wires make them.
// One core only.
#pragma once

#include <cstddef>
#include <memory>

#include "postern/exchange.h"

namespace postern {

/// Told that a kept connection is of no use any more: closed by the peer, or spoken on while idle.
class KeptWatcher {
 public:
  virtual void on_kept_lost(class UpstreamConnection& connection) noexcept = 0;

 protected:
  ~KeptWatcher() = default;
};

class UpstreamConnection {
 public:
  virtual ~UpstreamConnection() = default;

  /// Given up by whoever has it: an exclusive connection closes, a lease on a shared one hands its stream back.
  virtual void dispose() noexcept { delete this; }

  /// Begins a request. Valid until finish() or the connection's end.
  virtual UpstreamExchange& open() noexcept = 0;
  /// The exchange is over: false when the connection must not carry another one.
  virtual bool finish() noexcept = 0;
  /// Has carried a request before.
  [[nodiscard]] virtual bool is_reused() const noexcept = 0;

  /// The pool has it now; `watcher` hears when it dies.
  virtual void keep(KeptWatcher& watcher) noexcept = 0;
  /// Out of the pool again. False: it died meanwhile. `careful` asks the kernel, for requests that cannot be repeated.
  virtual bool take(bool careful) noexcept = 0;
};

/// For owners of connections and of leases.
struct Dispose {
  void operator()(UpstreamConnection* connection) const noexcept { connection->dispose(); }
};

/// Told what becomes of a shared connection: never from inside a call of the watcher's own into it.
class SharedWatcher {
 public:
  /// The last request has ended (true), or the first one begins.
  virtual void on_shared_idle(class SharedConnection& connection, bool idle) noexcept = 0;
  /// Closed. May be destroyed from here.
  virtual void on_shared_lost(SharedConnection& connection) noexcept = 0;

 protected:
  ~SharedWatcher() = default;
};

/// A connection that carries many requests at once (HTTP/2). Its endpoint keeps it, requests lease streams of it, and
/// whoever holds the last reference closes it. It retires by itself: when it is old, or idle for too long.
class SharedConnection {
 public:
  virtual ~SharedConnection() = default;

  /// nullptr: nobody keeps it any more.
  virtual void watch(SharedWatcher* watcher) noexcept = 0;
  /// Another request may begin now: it lives, is not going away, and the peer allows one more stream.
  [[nodiscard]] virtual bool has_room() const noexcept = 0;
  /// Requests at a time, as far as that is known; before the peer has said it, what was expected.
  [[nodiscard]] virtual std::size_t capacity() const noexcept = 0;
  /// Requests at present.
  [[nodiscard]] virtual std::size_t in_use() const noexcept = 0;
  /// For one request; open() begins its stream, its end gives the stream back. Holds a reference.
  virtual std::unique_ptr<UpstreamConnection, Dispose> lease() = 0;
  /// No new streams; closes when the last has ended.
  virtual void retire() noexcept = 0;
};

}  // namespace postern
