#include "wire/h2_client_stream.h"

#include <algorithm>
#include <cstring>

#include "wire/h1_chunked.h"
#include "wire/h1_fields.h"
#include "wire/h2_client.h"
#include "wire/h2_head.h"

namespace postern::wire {

namespace {

using http::FieldId;

/// What the pseudo fields say, what framing says, and what ends at this hop.
constexpr std::uint64_t kNeverSent =
    http::kHopByHop | http::bit(FieldId::host) | http::bit(FieldId::content_length) | http::bit(FieldId::expect);
/// Different in each request: in the table of HPACK it would only push out what comes again.
constexpr std::uint64_t kUnique = http::bit(FieldId::x_request_id);

bool is_trailer(std::string_view name) noexcept {
  static constexpr std::string_view kAny[] = {"*"};
  // An underscore is common in metadata of gRPC, and no answer's trailer is taken for a field by what reads answers.
  return name.find('_') != std::string_view::npos || is_allowed_trailer(name, kAny);
}

}  // namespace

void H2ClientStream::begin(std::shared_ptr<H2Client> client, bool reused) noexcept {
  client_ = std::move(client);
  reused_ = reused;
}

UpstreamExchange& H2ClientStream::open() noexcept {
  id = 0;
  reset_by_peer = false;
  head_.fields.clear();
  building_ = nullptr;
  shown_ = &head_;
  tunnel_ = nullptr;
  cancelled_ = error_ = Error{Code::ok};
  read_timeout_ms_ = 0;
  interims_ = 0;
  status_ = 0;
  answered_ = interim_ready_ = final_ready_ = too_large_ = wants_tunnel_ = false;
  out.start(*client_, 0, Side::upstream, client_->settings().write_timeout_ms);
  in.start(*client_, 0, Side::upstream, 0);
  return *this;
}

void H2ClientStream::dispose() noexcept {
  finish();
  const std::shared_ptr<H2Client> client = std::move(client_);  // may be the last to hold it, and this as well
  client->give_back(*this);
}

bool H2ClientStream::finish() noexcept {
  if (tunnel_) client_->stop_awaiting(*this);
  tunnel_ = nullptr;
  let_end_out();
  client_->detach(*this, NGHTTP2_CANCEL);
  in.release();
  out.release();
  texts_.clear();
  return false;
}

void H2ClientStream::start_request(const http::RequestHead& head) noexcept {
  method_ = head.method;
  wants_tunnel_ = !head.protocol.empty();
  if (!wants_tunnel_ || client_->knows_peer()) {
    submit(head);
  } else {
    tunnel_ = &head;  // read_head() goes on, when it is known what the peer understands
    client_->await_peer(*this);
  }
}

void H2ClientStream::submit(const http::RequestHead& head) noexcept {
  if (client_->failed()) return fail(Error{client_->error().code, Side::upstream, Retry::always});
  if (wants_tunnel_ && !client_->allows_extended_connect())
    return fail(Error{Code::not_implemented, Side::upstream, Retry::never});
  std::string_view path = head.path.empty() ? head.target : head.path;
  if (!head.query.empty()) {
    char* const whole = texts_.reserve(loop_.buffers(), path.size() + head.query.size());
    if (!whole) return fail(Error{Code::too_large, Side::self, Retry::never});
    std::memcpy(whole, path.data(), path.size());
    std::memcpy(whole + path.size(), head.query.data(), head.query.size());
    path = {whole, path.size() + head.query.size()};
  }
  H2Head fields;
  fields.add(":method", wants_tunnel_ ? std::string_view("CONNECT") : head.method_token);
  if (wants_tunnel_) fields.add(":protocol", head.protocol);
  fields.add(":scheme", client_->is_secure() ? "https" : "http");
  if (!head.authority.empty()) fields.add(":authority", head.authority);
  fields.add(":path", path);
  if (head.framing == http::Framing::length) fields.add_number("content-length", head.content_length);
  if (head.accepts_trailers) fields.add("te", "trailers");
  fields.add_fields(head.fields, kNeverSent | kUnique);
  if (const std::string_view unique = head.fields.find(FieldId::x_request_id); unique.data())
    fields.add("x-request-id", unique, NGHTTP2_NV_FLAG_NO_INDEX);
  const bool has_body = head.framing != http::Framing::none || wants_tunnel_;
  if (!has_body) out.set_no_body();
  const nghttp2_data_provider body = out.provider();
  const std::int32_t number = nghttp2_submit_request(client_->raw(), nullptr, fields.data(), fields.size(),
                                                     has_body ? &body : nullptr, nullptr);
  // Out of stream numbers, mostly: another connection has its own.
  if (number < 0) return fail(Error{Code::exhausted, Side::upstream, Retry::always});
  out.set_stream(number);
  in.start(*client_, number, Side::upstream, read_timeout_ms_);
  client_->attach(*this, number);
  client_->check_alive();
  client_->schedule_write();
}

void H2ClientStream::fail(Error why) noexcept {
  if (error_.code == Code::ok) error_ = why;
  in.fail(error_);
  out.fail(error_);
}

Task<Result<void>> H2ClientStream::submit_tunnel() {
  while (!client_->knows_peer() && !client_->failed() && cancelled_.code == Code::ok) {
    const net::Waited waited = co_await in.news().wait(kSettingsTimeoutMs);
    if (waited == net::Waited::timeout) {
      client_->stop_awaiting(*this);
      tunnel_ = nullptr;
      co_return Error{Code::timeout, Side::upstream, Retry::never};
    }
  }
  client_->stop_awaiting(*this);
  const http::RequestHead& head = *std::exchange(tunnel_, nullptr);
  if (cancelled_.code != Code::ok) co_return cancelled_;
  submit(head);
  co_return Result<void>();
}

Task<Result<void>> H2ClientStream::read_head() {
  shown_ = &head_;
  if (tunnel_) {
    const Result<void> submitted = co_await submit_tunnel();
    if (!submitted) co_return submitted;
  }
  for (;;) {
    if (cancelled_.code != Code::ok) co_return cancelled_;
    if (take_interim() || final_ready_) co_return Result<void>();
    if (error_.code != Code::ok) co_return error_;
    const net::Waited waited = co_await in.news().wait(read_timeout_ms_);
    const bool news = interim_ready_ || final_ready_ || error_.code != Code::ok || cancelled_.code != Code::ok;
    if (waited == net::Waited::timeout && !news) co_return Error{Code::timeout, Side::upstream, Retry::never};
  }
}

bool H2ClientStream::take_interim() noexcept {
  if (!interim_ready_) return false;
  interim_ready_ = false;
  shown_ = interim_.get();
  return true;
}

void H2ClientStream::set_read_timeout(std::int64_t milliseconds) noexcept {
  read_timeout_ms_ = milliseconds;
  in.set_read_timeout(milliseconds);
}

// A tunnel may end before the server ends its half: it hears of our end, and of the Close before it. nghttp2 sends
// nothing behind a reset, not even what was queued before.
void H2ClientStream::let_end_out() noexcept {
  if (wants_tunnel_ && H2Stream::open && out.finished() && !out.is_sent() && !client_->failed()) client_->write_now();
}

void H2ClientStream::cancel(Error why) noexcept {
  if (cancelled_.code != Code::ok) return;
  cancelled_ = why;
  let_end_out();
  client_->reset(*this, NGHTTP2_CANCEL);  // leaves behind this batch, with what else is to be written
  in.stop(why);
  out.fail(why);
}

bool H2ClientStream::on_status(std::string_view value) noexcept {
  if (status_ != 0 || value.size() != 3) return false;
  unsigned status = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return false;
    status = status * 10 + static_cast<unsigned>(c - '0');
  }
  if (status < 100 || status > 599 || status == 101) return false;
  status_ = static_cast<std::uint16_t>(status);
  building_ = &head_;
  if (status < 200) {
    if (++interims_ > kMaxInterim) return false;
    // One that nobody has read yet stays; 103s behind it are no loss.
    const bool free = !interim_ready_ && shown_ == &head_;
    if (free && !interim_) interim_ = std::make_unique<http::ResponseHead>();
    building_ = free ? interim_.get() : nullptr;
  }
  if (!building_) return true;
  building_->status = status_;
  building_->reason = {};
  building_->fields.clear();
  building_->content_length = 0;
  building_->framing = http::Framing::none;
  building_->minor_version = 2;
  building_->keep_alive = true;
  return true;
}

// nghttp2 has checked names, values, their order, and content-length; the session has counted them.
bool H2ClientStream::on_header(std::string_view name, std::string_view value) noexcept {
  answered_ = true;
  if (final_ready_) {
    if (is_trailer(name)) in.add_trailer(name, value);
    return true;
  }
  if (name.front() == ':') return name == ":status" && on_status(value);
  if (!building_) return true;
  BufferPool& pool = loop_.buffers();
  const std::string_view kept_name = texts_.keep(pool, name);
  const std::string_view kept_value = texts_.keep(pool, value);
  return kept_name.data() && kept_value.data() && building_->fields.add(kept_name, kept_value);
}

void H2ClientStream::on_too_large() noexcept {
  too_large_ = true;
  client_->reset(*this, NGHTTP2_CANCEL);
}

// What nghttp2 calls a head behind the first one may be trailers, or the final head behind an interim one.
bool H2ClientStream::on_headers_end(bool, bool end_stream) noexcept {
  if (too_large_) return true;
  answered_ = true;
  if (final_ready_) {
    if (end_stream) in.end();
    return end_stream;
  }
  if (status_ == 0) return false;
  if (status_ < 200) {
    interim_ready_ = interim_ready_ || building_ != nullptr;
    building_ = nullptr;
    status_ = 0;
    in.news().notify();
    return !end_stream;
  }
  if (!decide_framing(end_stream)) return false;
  final_ready_ = true;
  if (end_stream)
    in.end();
  else
    in.news().notify();
  return true;
}

bool H2ClientStream::decide_framing(bool end_stream) noexcept {
  if (wants_tunnel_ && status_ < 300) {
    head_.status = 101;  // what an agreement is called on every wire
    head_.framing = http::Framing::until_close;
    return !end_stream;
  }
  const std::string_view length = head_.fields.find(FieldId::content_length);
  if (length.data() && !parse_content_length(length, head_.content_length)) return false;
  const bool bodiless = method_ == http::Method::head || status_ == 204 || status_ == 304;
  if (bodiless || end_stream)
    head_.framing = http::Framing::none;
  else if (length.data())
    head_.framing = head_.content_length != 0 ? http::Framing::length : http::Framing::none;
  else
    head_.framing = http::Framing::chunked;
  return true;
}

Error H2ClientStream::meaning_of(std::uint32_t code) const noexcept {
  if (too_large_) return Error{Code::too_large, Side::upstream, Retry::never};
  if (client_->failed()) {
    Error why = client_->reason();
    const bool lost = why.code == Code::closed || why.code == Code::reset;
    // nghttp2 does not know the stream yet: not a byte of it has been handed out.
    const bool unsent = nghttp2_session_find_stream(client_->raw(), id) == nullptr;
    why.side = Side::upstream;
    why.retry = answered_ ? Retry::never : unsent ? Retry::always : lost && reused_ ? Retry::if_reused : Retry::never;
    return why;
  }
  // REFUSED_STREAM says that nothing was done with the request (RFC 9113 8.7); nghttp2 closes with it, too, what a
  // GOAWAY leaves out.
  if (code == NGHTTP2_REFUSED_STREAM && !answered_) return Error{Code::closed, Side::upstream, Retry::always};
  if (reset_by_peer || code == NGHTTP2_NO_ERROR || code == NGHTTP2_REFUSED_STREAM)
    return Error{Code::reset, Side::upstream, Retry::never};
  return Error{Code::malformed, Side::upstream, Retry::never};
}

void H2ClientStream::on_close(std::uint32_t code) noexcept {
  if (final_ready_ && in.ended()) {
    // The answer is whole; an upload that was still on its way ends here and does not matter (RFC 9113 8.1).
    if (!out.is_sent()) out.fail(meaning_of(code));
    return;
  }
  if (error_.code == Code::ok) error_ = meaning_of(code);
  in.fail(error_);
  if (!out.is_sent()) out.fail(error_);
  in.news().notify();
}

}  // namespace postern::wire
