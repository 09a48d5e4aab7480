// One request and its answer, whatever wire they travel on: the only thing the pipeline sees.
// HTTP/1 and HTTP/2 servers implement Exchange, their clients UpstreamExchange; pump() joins a source to a sink.
// Everything here belongs to one core and lives until the exchange ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/frame_pool.h"
#include "base/task.h"
#include "http/address.h"
#include "http/head.h"
#include "postern/principal.h"

namespace postern::crypto {
struct PeerCertificate;
}

namespace postern {

/// The incoming body of a message, pulled. `peek()` is never stale: it decodes what has arrived.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// The next bytes that are here already; empty when there are none (look at at_end() and error() then).
  virtual std::string_view peek() noexcept = 0;
  /// Done with them; they stay readable until the next fill(), so that a sink may borrow them.
  virtual void consume(std::size_t bytes) noexcept = 0;
  /// Where frames of coroutines over this source come from.
  virtual FramePool& frames() noexcept = 0;
  /// The last byte, and the trailers, have been seen.
  [[nodiscard]] virtual bool at_end() const noexcept = 0;
  /// Waits for more bytes or for the end; the error is final.
  virtual Task<Result<void>> fill() = 0;
  /// Valid at the end; names that may never be trailers are gone already.
  [[nodiscard]] virtual const http::Fields& trailers() const noexcept = 0;
  /// Bytes of the body so far.
  [[nodiscard]] virtual std::uint64_t received() const noexcept = 0;
};

enum class Flushed : std::uint8_t { done, blocked, failed };

/// The outgoing body of a message. Framing is the sink's; callers hand over bytes and the end.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// Queues bytes. They are copied, or borrowed until the next flush is done: then wants_flush() is true.
  virtual void put(std::string_view bytes) noexcept = 0;
  [[nodiscard]] virtual bool wants_flush() const noexcept = 0;
  /// Queues the end, once, when wants_flush() is false; trailers go out only where framing and peer allow them.
  virtual void finish(const http::Fields* trailers) noexcept = 0;
  /// Sends what is queued without waiting.
  virtual Flushed try_flush() noexcept = 0;
  /// Sends what is queued.
  virtual Task<Result<void>> flush() = 0;
};

/// Who is on the other end of a downstream connection. Texts live as long as the connection.
struct Peer {
  http::Address address;          // of the client: from the socket, or from the PROXY header of a declared sender
  http::Address local;            // that the client reached
  std::string_view address_text;  // without port; "unix" for a Unix socket
  std::uint16_t listener = 0;     // its number in the metrics and the routes
  bool secure = false;
  bool trusted = false;  // its X-Forwarded-* are believed
  std::string_view tls_version;
  std::string_view server_name;  // SNI
  /// Would `host` have met the same certificate as the connection did? nullptr: no TLS, no question.
  bool (*covers)(const void* connection, std::string_view host) noexcept = nullptr;
  const void* connection = nullptr;
  // What the client's certificate says, and whose it is; only where one was shown, verified, and somebody asks.
  const crypto::PeerCertificate* certificate = nullptr;
  PrincipalPin certified;
};

/// Why a request's body ended badly: the status for its sender (400, 408, 413, 431; 0: not his fault), a static text.
struct BodyFailure {
  std::uint16_t status = 0;
  const char* reason = nullptr;
};

/// Told when the client of a running exchange has gone: the work behind it is in vain.
class ClientWatcher {
 public:
  virtual void on_client_gone(Error why) noexcept = 0;
  /// The client has ended its sending side only (FIN).
  virtual void on_client_fin() noexcept = 0;
  /// The server wants its connections to end: what lasts for as long as it likes (a tunnel) comes to its end now.
  virtual void on_drain() noexcept {}

 protected:
  ~ClientWatcher() = default;
};

class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual FramePool& frames() noexcept = 0;
  [[nodiscard]] virtual const Peer& peer() const noexcept = 0;
  virtual http::RequestHead& request() noexcept = 0;
  virtual BodySource& request_body() noexcept = 0;
  /// Starts the body over where all of it is still held: a retry needs that. False: it is gone.
  virtual bool rewind_request_body() noexcept = 0;
  /// The most that this request's body may hold; going over it ends the source with Code::too_large.
  virtual void limit_request_body(std::uint64_t bytes) noexcept = 0;
  /// How long its fill() waits for bytes from now on, where streams of a connection have clocks of their own (HTTP/2).
  virtual void set_request_body_timeout(std::int64_t milliseconds) noexcept { static_cast<void>(milliseconds); }

  [[nodiscard]] virtual BodyFailure request_body_failure() const noexcept = 0;

  /// Queues an interim answer (100, 103); dropped for clients that do not know them.
  virtual void inform(const http::ResponseHead& head) noexcept = 0;
  /// Queues the final head; its framing says how the body goes. At most once.
  virtual void start_response(const http::ResponseHead& head) noexcept = 0;
  virtual BodySink& response_body() noexcept = 0;
  [[nodiscard]] virtual bool response_started() const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t response_bytes() const noexcept = 0;
  /// The server has given the exchange up (it is being shut down): nothing behind it may go on.
  [[nodiscard]] virtual bool is_cut() const noexcept { return false; }
  /// Ends the exchange so that no client can take it for a complete answer.
  virtual void abort(Error why) noexcept = 0;
  /// Ends a waiting request_body().fill() with that error.
  virtual void stop_reading(Error why) noexcept = 0;
  /// nullptr: nobody watches. A watcher that comes while the server drains is told at once.
  virtual void watch_client(ClientWatcher* watcher) noexcept = 0;
  /// Nobody looks at the head's views any more (they dangle from here on): a tunnel gives back what they stood in.
  virtual void drop_head() noexcept {}
};

/// The same from the client's side: one request to an endpoint and its answer.
class UpstreamExchange {
 public:
  virtual ~UpstreamExchange() = default;

  virtual FramePool& frames() noexcept = 0;
  /// Queues the head.
  virtual void start_request(const http::RequestHead& head) noexcept = 0;
  virtual BodySink& request_body() noexcept = 0;
  /// Waits for the next head: interim ones first, then the final one.
  virtual Task<Result<void>> read_head() = 0;
  virtual http::ResponseHead& response() noexcept = 0;
  virtual BodySource& response_body() noexcept = 0;
  /// How long read_head() and response_body().fill() wait for bytes.
  virtual void set_read_timeout(std::int64_t milliseconds) noexcept = 0;
  /// A byte of the answer has arrived: no retry from here on.
  [[nodiscard]] virtual bool answered() const noexcept = 0;
  /// HTTP/2: the error code with which the endpoint reset this stream, where it did.
  [[nodiscard]] virtual std::optional<std::uint32_t> reset_code() const noexcept { return std::nullopt; }
  /// Ends whatever waits with that error and makes the connection unusable.
  virtual void cancel(Error why) noexcept = 0;
  /// As Exchange::drop_head(), for the head of the answer.
  virtual void drop_head() noexcept {}
};

/// Moves a body from source to sink up to its end, which the caller finishes (he knows about trailers) and flushes.
/// Bytes go on as they come; memory stays bounded by the buffers.
Task<Result<void>> pump(BodySource& source, BodySink& sink);

/// The same without waiting: true when the whole body was here and has been queued. False: go on with pump().
bool pump_ready(BodySource& source, BodySink& sink) noexcept;

}  // namespace postern
