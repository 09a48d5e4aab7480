#include "wire/h2_exchange.h"

#include "wire/h1_chunked.h"
#include "wire/h1_fields.h"
#include "wire/h2_head.h"
#include "wire/h2_server.h"

namespace postern::wire {

namespace {

using http::FieldId;

/// What ends at this hop, or is written anew.
constexpr std::uint64_t kNeverSent = http::kHopByHop | http::bit(FieldId::content_length) | http::bit(FieldId::host);

/// Which of them go on is the route's to say.
constexpr std::string_view kAnyTrailer[] = {"*"};

std::uint32_t reset_code(Error why) noexcept {
  if (why.side == Side::downstream || why.code == Code::cancelled) return NGHTTP2_CANCEL;
  return NGHTTP2_INTERNAL_ERROR;
}

}  // namespace

H2Exchange::H2Exchange(net::Loop& loop)
    : H2Stream(loop),
      loop_(loop),
      gone_([](void* self) noexcept { static_cast<H2Exchange*>(self)->tell_gone(); }, this) {}

void H2Exchange::begin(H2Server& server, H2Session& session, const Peer& peer, const H1Settings& settings,
                       std::int32_t stream) noexcept {
  server_ = &server;
  session_ = &session;
  peer_ = &peer;
  settings_ = &settings;
  watcher_ = nullptr;
  next_ready = nullptr;
  verdict_ = {};
  head_complete_ = started_ = aborted_ = expects_continue_ = trailers_too_large_ = false;
  texts_.clear();
  building_.begin(head_, texts_, loop_.buffers(), settings);
  in.start(session, stream, Side::downstream, settings.body_timeout_ms);
  in.limit(settings.max_body);
  out.start(session, stream, Side::downstream, settings.write_timeout_ms);
}

void H2Exchange::end() noexcept {
  watcher_ = nullptr;
  gone_.clear();
  in.release();
  out.release();
  texts_.clear();
}

bool H2Exchange::on_header(std::string_view name, std::string_view value) noexcept {
  if (!head_complete_) return building_.add(name, value);
  if (is_allowed_trailer(name, kAnyTrailer)) in.add_trailer(name, value);
  return true;
}

void H2Exchange::on_too_large() noexcept {
  if (!head_complete_)
    building_.refuse(431, "header fields too large");
  else
    trailers_too_large_ = true;
}

bool H2Exchange::on_headers_end(bool, bool end_stream) noexcept {
  if (!head_complete_) {
    head_complete_ = true;
    verdict_ = building_.finish(end_stream);
    expects_continue_ = head_.expect_continue;
    if (expects_continue_) {
      in.before_wait(
          [](void* self) noexcept {
            http::ResponseHead head;
            head.status = 100;
            static_cast<H2Exchange*>(self)->inform(head);
          },
          this);
    }
    server_->on_request(*this);
  }
  if (trailers_too_large_)
    in.fail(Error{Code::too_large, Side::downstream, Retry::never});
  else if (end_stream)
    in.end();
  return true;
}

void H2Exchange::on_close(std::uint32_t) noexcept {
  if (watcher_ && !(out.finished() && out.is_sent())) loop_.defer(gone_);
}

void H2Exchange::tell_gone() noexcept {
  if (watcher_) watcher_->on_client_gone(Error{Code::reset, Side::downstream, Retry::never});
}

BodyFailure H2Exchange::request_body_failure() const noexcept {
  if (trailers_too_large_) return {431, "trailers too large"};
  if (in.too_large()) return {413, "body over the limit"};
  return {};
}

void H2Exchange::inform(const http::ResponseHead& head) noexcept {
  if (started_ || !open || session_->failed()) return;
  if (head.status == 100) {
    if (!expects_continue_) return;  // never twice, never unasked
    expects_continue_ = false;
  }
  H2Head fields;
  fields.add_number(":status", head.status);
  fields.add_fields(head.fields, kNeverSent);
  nghttp2_submit_headers(session_->raw(), NGHTTP2_FLAG_NONE, id, nullptr, fields.data(), fields.size(), nullptr);
  session_->schedule_write();
}

void H2Exchange::start_response(const http::ResponseHead& head) noexcept {
  started_ = true;
  if (!open || session_->failed()) return;  // the client has left: whoever waits hears of it
  const bool tunnel = head.status == 101 && !head_.protocol.empty();
  H2Head fields;
  fields.add_number(":status", tunnel ? 200 : head.status);
  const bool to_head = head_.method == http::Method::head;
  const bool has_body = head.framing != http::Framing::none && !to_head;
  if (head.framing == http::Framing::length && !tunnel) {
    fields.add_number("content-length", head.content_length);
  } else if (to_head || head.status == 304) {
    std::uint64_t length = 0;
    const std::string_view given = head.fields.find(FieldId::content_length);
    if (given.data() && parse_content_length(given, length)) fields.add_number("content-length", length);
  }
  fields.add_fields(head.fields, kNeverSent);
  nghttp2_data_provider body = out.provider();
  if (!has_body) out.set_no_body();
  const int failed =
      nghttp2_submit_response(session_->raw(), id, fields.data(), fields.size(), has_body ? &body : nullptr);
  if (failed != 0) abort(Error{Code::internal, Side::self, Retry::never});
  session_->schedule_write();
}

void H2Exchange::abort(Error why) noexcept {
  aborted_ = true;
  out.fail(why);
  in.stop(why);
  session_->detach(*this, reset_code(why));
}

void H2Exchange::watch_client(ClientWatcher* watcher) noexcept {
  watcher_ = watcher;
  if (!watcher) return;
  if (!open && !out.is_sent()) loop_.defer(gone_);  // it left before anybody looked
  if (server_->ends_streams()) watcher->on_drain();
}

bool H2Exchange::is_cut() const noexcept { return server_->is_cut(); }

void H2Exchange::on_drain() noexcept {
  if (watcher_) watcher_->on_drain();
}

}  // namespace postern::wire
