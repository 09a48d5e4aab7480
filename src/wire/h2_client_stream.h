// One request on a shared HTTP/2 connection, and the lease to make it: what the pipeline has in its hands.
// Pooled by its connection; used by one request at a time. One core only.
#pragma once

#include <memory>
#include <optional>

#include "postern/upstream_connection.h"
#include "wire/h2_arena.h"
#include "wire/h2_stream.h"

namespace postern::wire {

class H2Client;

class H2ClientStream final : public H2Stream, public UpstreamConnection, public UpstreamExchange {
 public:
  explicit H2ClientStream(net::Loop& loop) noexcept : H2Stream(loop), loop_(loop) {}

  /// Out of the pool, for a request over `client`. `reused`: the connection has carried others before.
  void begin(std::shared_ptr<H2Client> client, bool reused) noexcept;

  // UpstreamConnection
  void dispose() noexcept override;
  UpstreamExchange& open() noexcept override;
  /// Nothing to keep: the connection is its endpoint's.
  bool finish() noexcept override;
  [[nodiscard]] bool is_reused() const noexcept override { return reused_; }
  void keep(KeptWatcher&) noexcept override {}
  bool take(bool) noexcept override { return false; }

  // UpstreamExchange
  FramePool& frames() noexcept override { return loop_.frames(); }
  void start_request(const http::RequestHead& head) noexcept override;
  BodySink& request_body() noexcept override { return out; }
  Task<Result<void>> read_head() override;
  http::ResponseHead& response() noexcept override { return *shown_; }
  BodySource& response_body() noexcept override { return in; }
  void set_read_timeout(std::int64_t milliseconds) noexcept override;
  [[nodiscard]] bool answered() const noexcept override { return answered_; }
  [[nodiscard]] std::optional<std::uint32_t> reset_code() const noexcept override {
    return reset_by_peer ? std::optional(close_code) : std::nullopt;
  }
  void cancel(Error why) noexcept override;

  // H2Stream
  bool on_header(std::string_view name, std::string_view value) noexcept override;
  void on_too_large() noexcept override;
  bool on_headers_end(bool is_trailers, bool end_stream) noexcept override;
  void on_close(std::uint32_t code) noexcept override;

 private:
  friend class H2Client;  // its list of those that wait for the peer's SETTINGS
  static constexpr int kMaxInterim = 10;
  static constexpr std::int64_t kSettingsTimeoutMs = 5'000;

  void submit(const http::RequestHead& head) noexcept;
  Task<Result<void>> submit_tunnel();
  bool on_status(std::string_view value) noexcept;
  bool decide_framing(bool end_stream) noexcept;
  void let_end_out() noexcept;
  bool take_interim() noexcept;
  Error meaning_of(std::uint32_t code) const noexcept;
  void fail(Error why) noexcept;

  net::Loop& loop_;
  std::shared_ptr<H2Client> client_;
  H2Arena texts_;
  http::ResponseHead head_;
  std::unique_ptr<http::ResponseHead> interim_;  // rare; first come, first kept
  http::ResponseHead* building_ = nullptr;       // nullptr: a head of which nothing is kept
  http::ResponseHead* shown_ = &head_;
  const http::RequestHead* tunnel_ = nullptr;  // waits for the peer's SETTINGS
  H2ClientStream* next_awaiting_ = nullptr;
  Error cancelled_{Code::ok};
  Error error_{Code::ok};
  std::int64_t read_timeout_ms_ = 0;
  int interims_ = 0;
  std::uint16_t status_ = 0;  // of the head that is coming in
  http::Method method_ = http::Method::other;
  bool reused_ = false;
  bool answered_ = false;
  bool interim_ready_ = false;
  bool final_ready_ = false;
  bool too_large_ = false;
  bool wants_tunnel_ = false;
};

}  // namespace postern::wire
