#include "wire/h1_client.h"

#include "wire/h1_write.h"

namespace postern::wire {

namespace {
/// A connection that rested longer than this is asked whether it lives before it carries what cannot be repeated.
constexpr std::int64_t kFreshMs = 20;
/// What an endpoint may send as a head.
constexpr HeadLimits kResponseLimits{
    .request_line = 8192, .header_bytes = 48 * 1024, .fields = 100, .underscores = config::Underscores::drop};
}  // namespace

H1Client::H1Client(net::Stream stream) noexcept : stream_(std::move(stream)), input_(stream_) {}

H1Client::~H1Client() {
  // A request that is not whole must not look as if it were: the endpoint sees a reset.
  if (exchanges_ > 0 && !output_.finished())
    stream_.abort();
  else
    stream_.close();
}

UpstreamExchange& H1Client::open() noexcept {
  ++exchanges_;
  answered_ = asked_websocket_ = false;
  cancelled_.code = Code::ok;
  read_timeout_ms_ = 0;
  output_.reset(stream_, kWriteTimeoutMs);
  return *this;
}

void H1Client::start_request(const http::RequestHead& head) noexcept {
  method_ = head.method;
  RequestWrite how{
      .host = head.authority, .te_trailers = head.accepts_trailers, .expect_continue = head.expect_continue};
  asked_websocket_ = head.protocol == kWebSocket;
  if (asked_websocket_) {
    websocket_key_ = make_ws_key();
    how.websocket_key = {websocket_key_.data(), websocket_key_.size()};
  }
  char* out = output_.reserve(request_head_bound(head, how));
  if (!out) {  // larger than any head that a listener lets in
    output_.discard();
    return;
  }
  output_.commit(write_request_head(out, head, how));
  // Not a byte goes behind a handshake before it is agreed to.
  output_.set_framing(asked_websocket_ ? http::Framing::none : head.framing);
}

Error H1Client::failure(Code code) const noexcept {
  const bool stale = !answered_ && is_reused() && (code == Code::closed || code == Code::reset);
  return Error{code, Side::upstream, stale ? Retry::if_reused : Retry::never};
}

Result<bool> H1Client::parse_head() noexcept {
  if (input_.empty()) return false;
  answered_ = true;
  const std::string_view unread = input_.unread();
  const ParseResult parsed =
      parse_response_head(input_.data(), unread.size(), scanned_, kResponseLimits, method_, head_);
  if (parsed.status == ParseStatus::failed) return failure(Code::malformed);
  if (parsed.status == ParseStatus::need_more) {
    scanned_ = unread.size();
    return false;
  }
  scanned_ = 0;
  input_.consume(parsed.consumed);
  const bool final = head_.status >= 200 || (head_.status == 101 && asked_websocket_);
  if (final && asked_websocket_ && !judge_handshake()) return failure(Code::malformed);
  if (final) begin_body();
  if (head_.status == 101 && asked_websocket_) {
    output_.become_tunnel();
    body_.become_tunnel();
  }
  return true;
}

bool H1Client::judge_handshake() noexcept {
  unusable_ = true;  // for any other request: a tunnel has it, or bytes may have been sent that were meant for one
  if (head_.status != 101) {
    output_.finish(nullptr);  // an ordinary answer to a request that was whole
    return true;
  }
  if (!is_ws_agreement(head_, {websocket_key_.data(), websocket_key_.size()})) return false;
  head_.fields.remove(kWsAcceptField);
  head_.framing = http::Framing::until_close;
  return true;
}

void H1Client::begin_body() noexcept {
  input_.keep_consumed();
  body_.start(stream_, input_, head_.framing, head_.content_length, read_timeout_ms_);
}

Task<Result<void>> H1Client::read_head() {
  net::IoStatus want = net::IoStatus::want_read;
  bool wait = input_.drained();
  scanned_ = 0;
  for (;;) {
    if (cancelled_.code != Code::ok) co_return cancelled_;
    const Result<bool> parsed = parse_head();
    if (!parsed) {
      unusable_ = true;
      co_return parsed.error();
    }
    if (*parsed) co_return Result<void>();
    if (wait) {
      const net::Waited waited = co_await stream_.wait(want, read_timeout_ms_);
      if (cancelled_.code != Code::ok) co_return cancelled_;
      if (waited != net::Waited::ready) {
        unusable_ = true;
        co_return failure(waited == net::Waited::timeout ? Code::timeout : Code::cancelled);
      }
    }
    const net::IoResult got = input_.read(BufferPool::kSmall);
    if (got.status == net::IoStatus::eof || got.status == net::IoStatus::error) {
      unusable_ = true;
      co_return failure(got.status == net::IoStatus::eof ? Code::closed : Code::reset);
    }
    // Part of a TLS record may be here and look like something to read: what the last read said comes first.
    wait = got.status != net::IoStatus::ok || input_.drained();
    if (got.status != net::IoStatus::ok) want = got.status;
  }
}

void H1Client::set_read_timeout(std::int64_t milliseconds) noexcept {
  read_timeout_ms_ = milliseconds;
  body_.set_read_timeout(milliseconds);
}

void H1Client::cancel(Error why) noexcept {
  if (cancelled_.code != Code::ok) return;
  cancelled_ = why;
  unusable_ = true;
  body_.stop(why);
  stream_.cancel();
}

bool H1Client::finish() noexcept {
  const bool whole = output_.finished() && !output_.pending() && !output_.failed() && body_.at_end() && answered_;
  // Bytes behind the answer were not asked for: whatever they are, they are nobody's (response splitting, I13).
  const bool clean = input_.empty() && is_silent();
  body_.release();
  output_.release();
  input_.release_kept();
  return !unusable_ && whole && clean && head_.keep_alive && head_.framing != http::Framing::until_close;
}

void H1Client::keep(KeptWatcher& watcher) noexcept {
  watcher_ = &watcher;
  last_used_ms_ = coarse_now_ms();
  stream_.socket().observe(this);
}

bool H1Client::take(bool careful) noexcept {
  watcher_ = nullptr;
  stream_.socket().observe(nullptr);
  if (unusable_ || !is_silent()) return false;
  if (!careful || coarse_now_ms() - last_used_ms_ < kFreshMs) return true;
  return stream_.socket().is_quiet();
}

bool H1Client::is_silent() noexcept {
  if (!stream_.may_read()) return true;
  // A report may be older than the read that took its bytes (io_uring): the kernel knows.
  if (!stream_.socket().is_quiet()) return false;
  stream_.socket().readable().clear_ready();
  return !stream_.may_read();  // decrypted bytes are not silence
}

void H1Client::on_readable() noexcept {
  if (is_silent()) return;
  // TLS may bring tickets and key updates while idle; they are read, and only data or an end count.
  if (stream_.is_secure()) {
    char byte;
    const net::IoResult got = stream_.read({&byte, 1});
    if (got.status == net::IoStatus::want_read) {
      stream_.socket().readable().clear_ready();
      return;
    }
  }
  unusable_ = true;
  if (watcher_) watcher_->on_kept_lost(*this);  // destroys this connection
}

}  // namespace postern::wire
