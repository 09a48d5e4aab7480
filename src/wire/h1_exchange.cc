#include "wire/h1_exchange.h"

#include "wire/h1_write.h"
#include "wire/ws_handshake.h"

namespace postern::wire {

void H1Exchange::begin(net::Stream& stream, H1Input& input, const Peer& peer, const H1Settings& settings) noexcept {
  stream_ = &stream;
  input_ = &input;
  peer_ = &peer;
  settings_ = &settings;
  watcher_ = nullptr;
  started_ = aborted_ = cut_ = continue_sent_ = expects_continue_ = draining_ = offer_websocket_ = false;
  keep_alive_ = true;
  websocket_key_ = {};
  output_.reset(stream, settings.write_timeout_ms);
  // A rejected head leaves these; a served one overwrites them.
  head_ = http::RequestHead{};
  body_.start(stream, input, http::Framing::none, 0, settings.body_timeout_ms);
}

void H1Exchange::begin_body() noexcept {
  input_->keep_consumed();
  body_.start(*stream_, *input_, head_.framing, head_.content_length, settings_->body_timeout_ms);
  body_.limit(settings_->max_body);
  // The pipeline may edit the head: what the client waits for is decided here.
  expects_continue_ = head_.expect_continue && head_.minor_version > 0;
  if (expects_continue_) {
    body_.before_wait([](void* self) noexcept { static_cast<H1Exchange*>(self)->send_continue(); }, this);
  }
  keep_alive_ = head_.keep_alive;
}

void H1Exchange::ask_websocket(std::string_view key) noexcept {
  websocket_key_ = key;
  head_.protocol = kWebSocket;
  // What follows is nobody's before a 101 is out, and then it is the tunnel's: never another request.
  head_.framing = http::Framing::until_close;
  head_.keep_alive = false;
  // The key is this hop's. Connection and Upgrade stay for those who strip what Connection names.
  head_.fields.remove(kWsKeyField);
}

void H1Exchange::end() noexcept {
  watch_client(nullptr);
  body_.release();
  output_.release();
}

void H1Exchange::send_continue() noexcept {
  if (continue_sent_ || started_) return;
  http::ResponseHead head;
  head.status = 100;
  inform(head);
  output_.try_flush();  // a client whose window cannot take 25 bytes gets them with the next flush
}

void H1Exchange::inform(const http::ResponseHead& head) noexcept {
  if (head_.minor_version == 0 || started_) return;
  if (head.status == 100) {
    if (continue_sent_ || !expects_continue_) return;  // never twice, never unasked
    continue_sent_ = true;
  }
  const ResponseWrite how;
  if (char* out = output_.reserve(response_head_bound(head, how))) output_.commit(write_response_head(out, head, how));
}

void H1Exchange::start_response(const http::ResponseHead& head) noexcept {
  started_ = true;
  if (head.status == 101 && !websocket_key_.empty()) {
    if (start_tunnel(head)) return;
    output_.discard();
    aborted_ = true;
    return;
  }
  http::Framing framing = head.framing;
  if (framing == http::Framing::chunked && head_.minor_version == 0) framing = http::Framing::until_close;
  if (framing == http::Framing::until_close) keep_alive_ = false;
  // Unread bytes of the request would be taken for the next one: swallow few, end the connection for more.
  if (!body_.at_end() && (body_.failure() || !body_.ends_within(kSwallow) || (expects_continue_ && !continue_sent_)))
    keep_alive_ = false;

  ResponseWrite how;
  how.to_head = head_.method == http::Method::head;
  how.offer_websocket = offer_websocket_ && head.status == 426;
  if (!keep_alive_)
    how.connection = Persistence::close;
  else if (head_.minor_version == 0)
    how.connection = Persistence::keep_alive;

  const std::size_t bound = response_head_bound(head, how);
  char* out = output_.reserve(bound);
  if (!out) {
    output_.discard();
    aborted_ = true;
    return;
  }
  if (framing == head.framing) {
    output_.commit(write_response_head(out, head, how));
  } else {
    http::ResponseHead changed = head;
    changed.framing = framing;
    output_.commit(write_response_head(out, changed, how));
  }
  output_.set_framing(how.to_head ? http::Framing::none : framing);
}

bool H1Exchange::start_tunnel(const http::ResponseHead& head) noexcept {
  WsAccept accept;
  if (!ws_accept(websocket_key_, accept)) return false;
  ResponseWrite how;
  how.websocket_accept = {accept.data(), accept.size()};
  char* out = output_.reserve(response_head_bound(head, how));
  if (!out) return false;
  output_.commit(write_response_head(out, head, how));
  output_.become_tunnel();
  body_.become_tunnel();
  return true;
}

void H1Exchange::abort(Error why) noexcept {
  aborted_ = true;
  keep_alive_ = false;
  output_.discard();
  body_.stop(why);
  stream_->socket().cancel();
}

bool H1Exchange::may_go_on() const noexcept {
  return keep_alive_ && !aborted_ && started_ && output_.finished() && !output_.failed() && !output_.pending();
}

void H1Exchange::watch_client(ClientWatcher* watcher) noexcept {
  watcher_ = watcher;
  if (!stream_->is_open()) return;
  stream_->socket().observe(watcher ? this : nullptr);
  if (watcher && draining_) watcher->on_drain();
  // While a body is being read, its reader is the one that learns of an end.
}

void H1Exchange::drain() noexcept {
  keep_alive_ = false;
  draining_ = true;
  if (watcher_) watcher_->on_drain();
}

void H1Exchange::cut() noexcept {
  cut_ = true;
  const Error why{Code::cancelled, Side::downstream, Retry::never};
  if (watcher_) watcher_->on_client_gone(why);
  body_.stop(why);
}

void H1Exchange::on_readable() noexcept {
  if (!watcher_) return;
  if (stream_->socket().is_broken()) {
    watcher_->on_client_gone(Error{Code::reset, Side::downstream, Retry::never});
  } else if (stream_->socket().peer_finished()) {
    watcher_->on_client_fin();
  }
}

char* H1Exchange::path_scratch(std::size_t bytes) {
  if (scratch_size_ < bytes) {
    scratch_ = std::make_unique<char[]>(bytes);
    scratch_size_ = bytes;
  }
  return scratch_.get();
}

}  // namespace postern::wire
