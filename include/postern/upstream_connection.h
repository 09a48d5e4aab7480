// A connection to an endpoint that can carry requests; pools keep them, wires make them.
// One core only.
#pragma once

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

}  // namespace postern
