// The client's side of an HTTP/2 connection: many requests at once to one endpoint.
// Made by the dialer, kept by the endpoint, leased by requests. Reads whenever something arrives and needs no coroutine
// for it, so an idle connection answers pings and hears GOAWAY. One core only.
#pragma once

#include <memory>

#include "base/object_pool.h"
#include "postern/upstream_connection.h"
#include "wire/h2_client_stream.h"
#include "wire/h2_session.h"

namespace postern::wire {

struct H2ClientSettings {
  /// What the peer is believed to allow until it says so; 100 is the least that RFC 9113 recommends.
  std::uint32_t expected_streams = 100;
  H2Settings h2;                     // its max_streams: requests at a time
  std::int64_t idle_timeout_ms = 0;  // without a request; 0: closes behind each
  std::int64_t max_age_ms = 0;       // then no new requests; 0: no limit
  std::uint64_t max_requests = 0;    // 0: no limit
};

/// What the session refers to must be there before it, and go after it.
struct H2ClientParts {
  H2ClientParts(net::Stream s, const H2ClientSettings& c) noexcept : owned_(std::move(s)), client_settings_(c) {}
  net::Stream owned_;
  const H2ClientSettings client_settings_;
};

class H2Client final : private H2ClientParts,
                       public H2Session,
                       public SharedConnection,
                       public std::enable_shared_from_this<H2Client>,
                       private net::ReadableObserver {
 public:
  /// std::make_shared, then start(). The stream is fresh: connected, and its handshake done.
  H2Client(net::Stream stream, const H2ClientSettings& settings) noexcept;
  ~H2Client() override;

  /// Queues the preface and begins to read. False: out of memory.
  bool start();

  // SharedConnection
  void watch(SharedWatcher* watcher) noexcept override { watcher_ = watcher; }
  [[nodiscard]] bool has_room() const noexcept override;
  [[nodiscard]] std::size_t capacity() const noexcept override;
  [[nodiscard]] std::size_t in_use() const noexcept override { return leases_; }
  std::unique_ptr<UpstreamConnection, Dispose> lease() override;
  void retire() noexcept override;

  // Its streams
  [[nodiscard]] bool is_secure() const noexcept { return secure_; }
  /// The peer's SETTINGS have come.
  [[nodiscard]] bool knows_peer() const noexcept { return knows_peer_; }
  [[nodiscard]] bool allows_extended_connect() const noexcept;
  /// Woken when the peer's SETTINGS come, or the connection ends.
  void await_peer(H2ClientStream& stream) noexcept;
  void stop_awaiting(H2ClientStream& stream) noexcept;
  /// Why everything that was open has failed.
  [[nodiscard]] Error reason() const noexcept { return why_.code != Code::ok ? why_ : error(); }
  /// A request begins on a connection that said nothing for long: it shall prove that it lives.
  void check_alive() noexcept;
  void give_back(H2ClientStream& stream) noexcept;

  FramePool& frames() noexcept { return loop_.frames(); }

 protected:
  // H2Session
  H2Stream* on_new_stream(std::int32_t) noexcept override { return nullptr; }
  void on_settings() noexcept override;
  void on_ping_ack() noexcept override { ping_.clear(); }
  void on_goaway(std::int32_t last_stream, std::uint32_t code) noexcept override;
  void on_event(H2Event event) noexcept override;
  void on_failed() noexcept override;
  Task<void> write_blocked() override;

 private:
  void on_readable() noexcept override;
  void read() noexcept;
  Task<void> read_again(std::shared_ptr<H2Client> self);
  void on_ended() noexcept;
  void close_when_idle() noexcept;
  void on_idle_timeout() noexcept;
  void wake_waiting() noexcept;

  net::Loop& loop_;
  const bool secure_;
  ObjectPool<H2ClientStream> streams_;
  SharedWatcher* watcher_ = nullptr;
  net::Deferred lost_;  // tells the watcher, from where this may be destroyed
  net::Timer idle_;
  net::Timer age_;
  net::Timer retry_;  // for a read that must write first
  net::Timer ping_;   // runs while an answer to a PING is awaited
  H2Glitches oddities_;
  H2ClientStream* awaiting_ = nullptr;
  Error why_{Code::ok};
  std::size_t leases_ = 0;
  std::uint64_t requests_ = 0;
  std::int64_t idle_since_ms_ = 0;
  std::int64_t heard_ms_ = 0;
  bool knows_peer_ = false;
  bool retiring_ = false;
  bool flooded_ = false;
  bool reading_later_ = false;
};

}  // namespace postern::wire
