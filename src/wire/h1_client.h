// The client's side of an HTTP/1.1 connection: carries one exchange after another to an endpoint.
// Made by the dialer, kept by a pool, used by the pipeline through UpstreamConnection. One core only.
#pragma once

#include "net/stream.h"
#include "postern/upstream_connection.h"
#include "wire/h1_body.h"
#include "wire/h1_input.h"
#include "wire/h1_output.h"
#include "wire/h1_parse.h"
#include "wire/ws_handshake.h"

namespace postern::wire {

class H1Client final : public UpstreamConnection, public UpstreamExchange, private net::ReadableObserver {
 public:
  static constexpr std::int64_t kWriteTimeoutMs = 30'000;

  explicit H1Client(net::Stream stream) noexcept;
  ~H1Client() override;

  // UpstreamConnection
  UpstreamExchange& open() noexcept override;
  bool finish() noexcept override;
  [[nodiscard]] bool is_reused() const noexcept override { return exchanges_ > 1; }
  void keep(KeptWatcher& watcher) noexcept override;
  bool take(bool careful) noexcept override;

  // UpstreamExchange
  FramePool& frames() noexcept override { return stream_.frames(); }
  void start_request(const http::RequestHead& head) noexcept override;
  BodySink& request_body() noexcept override { return output_; }
  Task<Result<void>> read_head() override;
  http::ResponseHead& response() noexcept override { return head_; }
  BodySource& response_body() noexcept override { return body_; }
  void set_read_timeout(std::int64_t milliseconds) noexcept override;
  [[nodiscard]] bool answered() const noexcept override { return answered_; }
  void cancel(Error why) noexcept override;
  void drop_head() noexcept override { input_.release_kept(); }

 private:
  void on_readable() noexcept override;
  /// Nothing is there that no request asked for.
  bool is_silent() noexcept;
  Result<bool> parse_head() noexcept;
  void begin_body() noexcept;
  /// The final answer to a request for a WebSocket. False: it agrees to something else.
  bool judge_handshake() noexcept;
  Error failure(Code code) const noexcept;

  net::Stream stream_;
  H1Input input_;
  H1Output output_;
  H1Body body_;
  http::ResponseHead head_;
  KeptWatcher* watcher_ = nullptr;
  Error cancelled_{Code::ok};
  std::int64_t read_timeout_ms_ = 0;
  std::int64_t last_used_ms_ = 0;
  std::size_t scanned_ = 0;
  std::uint32_t exchanges_ = 0;
  http::Method method_ = http::Method::other;
  WsKey websocket_key_;
  bool asked_websocket_ = false;
  bool answered_ = false;
  bool unusable_ = false;
};

}  // namespace postern::wire
