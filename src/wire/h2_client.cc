#include "wire/h2_client.h"

#include <algorithm>
#include <array>

namespace postern::wire {

namespace {
/// Behind so long a silence a connection may be dead without anybody having told us.
constexpr std::int64_t kSilenceMs = 10'000;
constexpr std::int64_t kPingTimeoutMs = 5'000;
constexpr std::int64_t kRetryMs = 10;
}  // namespace

H2Client::H2Client(net::Stream stream, const H2ClientSettings& settings) noexcept
    : H2ClientParts(std::move(stream), settings),
      H2Session(owned_, Role::client, client_settings_.h2),
      loop_(owned_.loop()),
      secure_(owned_.is_secure()),
      lost_(
          [](void* self) noexcept {
            H2Client& client = *static_cast<H2Client*>(self);
            if (client.watcher_) client.watcher_->on_shared_lost(client);  // may be the end of it
          },
          this),
      idle_([](void* self) noexcept { static_cast<H2Client*>(self)->on_idle_timeout(); }, this),
      age_([](void* self) noexcept { static_cast<H2Client*>(self)->retire(); }, this),
      retry_([](void* self) noexcept { static_cast<H2Client*>(self)->on_readable(); }, this),
      ping_(
          [](void* self) noexcept {
            static_cast<H2Client*>(self)->fail(Error{Code::reset, Side::upstream, Retry::if_reused});
          },
          this),
      oddities_(settings.h2.max_glitches),
      heard_ms_(coarse_now_ms()) {}

H2Client::~H2Client() {
  watcher_ = nullptr;
  if (failed()) return;
  // Resets of streams, and the goodbye, as far as the peer takes them at once.
  end_now(NGHTTP2_NO_ERROR);
  write_now();
  if (!failed()) fail(Error{Code::cancelled, Side::self, Retry::never});
}

bool H2Client::start() {
  const std::array<nghttp2_settings_entry, 1> ours{{{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}}};
  if (!H2Session::start(ours)) return false;
  stream().socket().observe(this);
  idle_since_ms_ = coarse_now_ms();
  if (client_settings_.idle_timeout_ms > 0) loop_.set_timer(idle_, client_settings_.idle_timeout_ms);
  if (client_settings_.max_age_ms > 0) loop_.set_timer(age_, client_settings_.max_age_ms);
  // What came behind the handshake was reported before anybody observed.
  if (stream().may_read()) loop_.background().start(read_again(shared_from_this()));
  return true;
}

std::size_t H2Client::capacity() const noexcept {
  // (nghttp2 has no const sessions.)
  const std::uint32_t theirs = knows_peer_
                                   ? nghttp2_session_get_remote_settings(const_cast<H2Client*>(this)->raw(),
                                                                         NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
                                   : std::max(1U, client_settings_.expected_streams);
  return std::min(theirs, client_settings_.h2.max_streams);
}

bool H2Client::has_room() const noexcept { return !retiring_ && !failed() && leases_ < capacity(); }

std::unique_ptr<UpstreamConnection, Dispose> H2Client::lease() {
  H2ClientStream* const stream = streams_.take(loop_).release();
  stream->begin(shared_from_this(), requests_ > 0);
  ++requests_;
  if (client_settings_.max_requests != 0 && requests_ >= client_settings_.max_requests) retiring_ = true;
  if (leases_++ == 0 && watcher_) watcher_->on_shared_idle(*this, false);
  return std::unique_ptr<UpstreamConnection, Dispose>(stream);
}

void H2Client::give_back(H2ClientStream& stream) noexcept {
  const ObjectPool<H2ClientStream>::Pointer returned(&stream, ObjectPool<H2ClientStream>::Return{&streams_});
  if (--leases_ > 0) return;
  if (watcher_) watcher_->on_shared_idle(*this, true);
  if (failed()) return;
  idle_since_ms_ = coarse_now_ms();
  if (client_settings_.idle_timeout_ms <= 0) retiring_ = true;
  if (retiring_)
    close_when_idle();
  else if (!idle_.is_set())
    loop_.set_timer(idle_, client_settings_.idle_timeout_ms);
}

// Set once per silence, not per request: it looks how long the silence has lasted.
void H2Client::on_idle_timeout() noexcept {
  if (leases_ > 0 || failed()) return;
  const std::int64_t left = idle_since_ms_ + client_settings_.idle_timeout_ms - coarse_now_ms();
  if (left > 0)
    loop_.set_timer(idle_, left);
  else
    retire();
}

void H2Client::retire() noexcept {
  retiring_ = true;
  if (leases_ == 0) close_when_idle();
}

void H2Client::close_when_idle() noexcept {
  if (failed()) return;
  why_ = Error{Code::closed, Side::upstream, Retry::if_reused};
  if (is_congested()) return fail(why_);                       // nobody there to hear a goodbye
  nghttp2_session_terminate_session(raw(), NGHTTP2_NO_ERROR);  // nothing more is expected: done when that is out
  schedule_write();
}

void H2Client::check_alive() noexcept {
  if (ping_.is_set() || coarse_now_ms() - heard_ms_ < kSilenceMs) return;
  nghttp2_submit_ping(raw(), NGHTTP2_FLAG_NONE, nullptr);
  loop_.set_timer(ping_, kPingTimeoutMs);
}

bool H2Client::allows_extended_connect() const noexcept {
  return nghttp2_session_get_remote_settings(const_cast<H2Client*>(this)->raw(),
                                             NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

void H2Client::await_peer(H2ClientStream& stream) noexcept {
  stream.next_awaiting_ = awaiting_;
  awaiting_ = &stream;
}

void H2Client::stop_awaiting(H2ClientStream& stream) noexcept {
  for (H2ClientStream** at = &awaiting_; *at; at = &(*at)->next_awaiting_) {
    if (*at != &stream) continue;
    *at = stream.next_awaiting_;
    stream.next_awaiting_ = nullptr;
    return;
  }
}

void H2Client::wake_waiting() noexcept {
  for (H2ClientStream* stream = awaiting_; stream; stream = stream->next_awaiting_) stream->in.news().notify();
}

void H2Client::on_settings() noexcept {
  knows_peer_ = true;
  wake_waiting();
}

// nghttp2 closes those that the peer left out, as if refused; the rest may end in peace.
void H2Client::on_goaway(std::int32_t, std::uint32_t) noexcept { retiring_ = true; }

void H2Client::on_event(H2Event event) noexcept {
  switch (event) {
    case H2Event::ping:
    case H2Event::priority:
      flooded_ |= oddities_.add(H2Glitches::kFifth, coarse_now_ms()) == H2Glitches::Verdict::kill;
      break;
    case H2Event::settings:
    case H2Event::empty_data:
    case H2Event::protocol_error:
    case H2Event::flood:
      flooded_ |= oddities_.add(H2Glitches::kWhole, coarse_now_ms()) == H2Glitches::Verdict::kill;
      break;
    default:  // resets end their requests, and window updates are as many as the server likes
      break;
  }
}

void H2Client::on_readable() noexcept {
  if (!reading_later_) read();
}

void H2Client::read() noexcept {
  heard_ms_ = coarse_now_ms();
  const Input input = read_available();
  if (failed()) return;
  if (flooded_) {
    why_ = Error{Code::malformed, Side::upstream, Retry::never};
    end_now(NGHTTP2_ENHANCE_YOUR_CALM);
    return;
  }
  if (input == Input::ended) return on_ended();
  // Closed by GOAWAY, and the last answer is whole.
  if (retiring_ && leases_ == 0 && why_.code == Code::ok) close_when_idle();
  if (input == Input::more) loop_.background().start(read_again(shared_from_this()));
  // TLS has to write before it can read, and cannot: the socket's one waiter for room may be our writer.
  if (wanted() == net::IoStatus::want_write) loop_.set_timer(retry_, kRetryMs);
}

/// More than a fair share was here: others first.
Task<void> H2Client::read_again(std::shared_ptr<H2Client>) {
  reading_later_ = true;
  co_await loop_.yield();
  reading_later_ = false;
  if (!failed()) read();
}

void H2Client::on_ended() noexcept {
  const bool broken = nghttp2_session_want_read(raw()) == 0 && !retiring_;
  if (why_.code == Code::ok) {
    why_ = broken ? Error{Code::malformed, Side::upstream, Retry::never}
                  : Error{Code::closed, Side::upstream, Retry::if_reused};
  }
  write_now();  // the reason, where we are the one who ends it
  fail(why_);
}

// Streams have been told already. Whoever still waits for room to write must come home before the socket goes.
void H2Client::on_failed() noexcept {
  retiring_ = true;
  idle_.clear();
  age_.clear();
  retry_.clear();
  ping_.clear();
  wake_waiting();
  stream().socket().observe(nullptr);
  if (is_congested())
    stream().cancel();
  else
    stream().close();
  if (watcher_) loop_.defer(lost_);
}

Task<void> H2Client::write_blocked() {
  const std::shared_ptr<H2Client> self = weak_from_this().lock();
  if (!self) co_return;  // on its way out: what the peer does not take now, it will not get
  co_await write_on();
  if (failed()) stream().close();
}

}  // namespace postern::wire
