// One request on an HTTP/1 server connection and its answer. Leased from a pool while a request is on the way, so that
// an idle connection does not carry its 5 KiB. Owned by H1Server; the pipeline sees it as Exchange. One core only.
#pragma once

#include <memory>

#include "net/stream.h"
#include "postern/exchange.h"
#include "wire/h1_body.h"
#include "wire/h1_input.h"
#include "wire/h1_output.h"
#include "wire/h1_settings.h"

namespace postern::wire {

class H1Exchange final : public Exchange, private net::ReadableObserver {
 public:
  /// Bodies up to this size are swallowed so that the connection can go on after an early answer.
  static constexpr std::uint64_t kSwallow = 64 * 1024;

  /// Starts over on a connection, before its next head is parsed.
  void begin(net::Stream& stream, H1Input& input, const Peer& peer, const H1Settings& settings) noexcept;
  /// The head is parsed: its body starts behind it.
  void begin_body() noexcept;
  /// Gives back what the request held.
  void end() noexcept;

  // Exchange
  FramePool& frames() noexcept override { return stream_->frames(); }
  [[nodiscard]] const Peer& peer() const noexcept override { return *peer_; }
  http::RequestHead& request() noexcept override { return head_; }
  BodySource& request_body() noexcept override { return body_; }
  bool rewind_request_body() noexcept override { return body_.rewind(); }
  void limit_request_body(std::uint64_t bytes) noexcept override { body_.limit(bytes); }
  [[nodiscard]] BodyFailure request_body_failure() const noexcept override {
    return {body_.failure_status(), body_.failure()};
  }
  void inform(const http::ResponseHead& head) noexcept override;
  void start_response(const http::ResponseHead& head) noexcept override;
  BodySink& response_body() noexcept override { return output_; }
  [[nodiscard]] bool response_started() const noexcept override { return started_; }
  [[nodiscard]] std::uint64_t response_bytes() const noexcept override { return output_.body_bytes(); }
  [[nodiscard]] bool is_cut() const noexcept override { return cut_; }
  void abort(Error why) noexcept override;
  void stop_reading(Error why) noexcept override { body_.stop(why); }
  void watch_client(ClientWatcher* watcher) noexcept override;
  void drop_head() noexcept override { input_->release_kept(); }

  H1Body& body() noexcept { return body_; }
  H1Output& output() noexcept { return output_; }
  /// The answer is out and whole, and both sides agree that another request may follow.
  [[nodiscard]] bool may_go_on() const noexcept;
  [[nodiscard]] bool aborted() const noexcept { return aborted_; }
  /// The server gives this exchange up.
  void cut() noexcept;
  void close_after() noexcept { keep_alive_ = false; }
  /// The same because the server drains: whoever watches hears of it.
  void drain() noexcept;
  /// The head asks for a WebSocket, with that key; before begin_body().
  void ask_websocket(std::string_view key) noexcept;
  /// The head asked for a version of WebSocket that is not ours: its refusal says which one is.
  void offer_websocket() noexcept { offer_websocket_ = true; }
  [[nodiscard]] char* path_scratch(std::size_t bytes);

 private:
  void on_readable() noexcept override;
  void send_continue() noexcept;
  /// The 101 of a tunnel. False: there is no room, or no digest.
  bool start_tunnel(const http::ResponseHead& head) noexcept;

  net::Stream* stream_ = nullptr;
  H1Input* input_ = nullptr;
  const Peer* peer_ = nullptr;
  const H1Settings* settings_ = nullptr;
  ClientWatcher* watcher_ = nullptr;
  H1Body body_;
  H1Output output_;
  bool started_ = false;
  bool aborted_ = false;
  bool cut_ = false;
  bool keep_alive_ = true;
  bool expects_continue_ = false;
  bool continue_sent_ = false;
  bool draining_ = false;
  bool offer_websocket_ = false;
  std::string_view websocket_key_;  // stands in the head; empty: no WebSocket was asked for
  std::size_t scratch_size_ = 0;
  std::unique_ptr<char[]> scratch_;  // for a path that had to be normalised; kept with the pooled object
  http::RequestHead head_;
};

}  // namespace postern::wire
