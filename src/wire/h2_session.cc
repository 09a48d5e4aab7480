#include "wire/h2_session.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "wire/h2_callbacks.h"

namespace postern::wire {

namespace {

/// Blocks of input that one connection may have handled before others get their turn.
constexpr int kShare = 8;
constexpr std::size_t kMaxSettings = 32;
constexpr std::size_t kMaxContinuations = 8;
constexpr std::uint64_t kResetBurst = 1000;
constexpr std::uint64_t kResetRate = 33;

struct FreeOption {
  void operator()(nghttp2_option* option) const noexcept { nghttp2_option_del(option); }
};

std::unique_ptr<nghttp2_option, FreeOption> make_options() {
  nghttp2_option* raw = nullptr;
  if (nghttp2_option_new(&raw) != 0) return nullptr;
  std::unique_ptr<nghttp2_option, FreeOption> options(raw);
  nghttp2_option_set_no_auto_window_update(raw, 1);  // window goes back when bytes have gone on
  nghttp2_option_set_max_settings(raw, kMaxSettings);
  nghttp2_option_set_max_continuations(raw, kMaxContinuations);
  nghttp2_option_set_stream_reset_rate_limit(raw, kResetBurst, kResetRate);
  return options;
}

}  // namespace

H2Session::H2Session(net::Stream& stream, Role role, const H2Settings& settings) noexcept
    : stream_(stream),
      role_(role),
      settings_(settings),
      memory_(stream.frames()),
      write_([](void* self) noexcept { static_cast<H2Session*>(self)->write_now(); }, this),
      glitches_(settings.max_glitches) {}

H2Session::~H2Session() {
  if (session_) nghttp2_session_del(session_);
}

bool H2Session::start(std::span<const nghttp2_settings_entry> more) {
  const auto options = make_options();
  if (!options) return false;
  const auto make = role_ == Role::server ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
  if (make(&session_, h2_callbacks(), this, options.get(), memory_.functions()) != 0) return false;
  std::array<nghttp2_settings_entry, 12> entries{{
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings_.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings_.max_header_bytes},
  }};
  std::size_t count = 2;
  for (const nghttp2_settings_entry& entry : more) entries[count++] = entry;
  if (nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), count) != 0) return false;
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(settings_.connection_window));
  schedule_write();
  return true;
}

H2Session::Input H2Session::read_available() noexcept {
  Buffer block = loop().buffers().small();
  for (int i = 0; i < kShare; ++i) {
    if (failed()) return Input::ended;
    const net::IoResult got = stream_.read({block.data(), block.size()});
    if (got.status == net::IoStatus::want_read || got.status == net::IoStatus::want_write) {
      wanted_ = got.status;
      return Input::drained;
    }
    if (got.status != net::IoStatus::ok) return Input::ended;
    if (!feed({block.data(), got.bytes})) return Input::ended;
    if (!stream_.may_read()) {
      wanted_ = net::IoStatus::want_read;
      return Input::drained;
    }
  }
  return Input::more;
}

bool H2Session::feed(std::string_view bytes) noexcept {
  const ssize_t used =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  current_ = used < 0 ? nullptr : current_;
  if (used == NGHTTP2_ERR_FLOODED || used == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS)
    on_event(H2Event::flood);
  else if (used < 0 && !killed_)
    on_event(H2Event::protocol_error);
  schedule_write();
  // An end that both agreed on: what the last answers still have to send goes first, write_on() sees to the rest.
  return used >= 0 && (nghttp2_session_want_read(session_) != 0 || (writing_ && !killed_));
}

bool H2Session::is_done() const noexcept {
  return failed() ||
         (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0 && out_end_ == 0);
}

// Frames go behind one another into one block, so that a batch of answers is one record and one system call.
void H2Session::drain_into_buffer() noexcept {
  if (!out_) out_ = loop().buffers().small();
  for (;;) {
    if (!pending_.empty()) {
      const std::size_t part = std::min(pending_.size(), room());
      std::memcpy(out_.data() + out_end_, pending_.data(), part);
      out_end_ += part;
      pending_.remove_prefix(part);
      if (!pending_.empty()) return;
    }
    if (room() < kMinRoom) return;
    const std::uint8_t* frame = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &frame);
    if (size > 0) {
      pending_ = {reinterpret_cast<const char*>(frame), static_cast<std::size_t>(size)};
      continue;
    }
    if (size < 0) fail(Error{size == NGHTTP2_ERR_NOMEM ? Code::exhausted : Code::internal, side(), Retry::never});
    return;
  }
}

net::IoStatus H2Session::send_buffer() noexcept {
  while (out_begin_ < out_end_) {
    const net::IoResult sent = stream_.write({out_.data() + out_begin_, out_end_ - out_begin_});
    if (sent.status != net::IoStatus::ok) return sent.status;
    out_begin_ += sent.bytes;
  }
  out_begin_ = out_end_ = 0;
  return net::IoStatus::ok;
}

/// True: everything is out, or the session has failed. False: the peer must read first.
bool H2Session::write_some() noexcept {
  for (;;) {
    const net::IoStatus status = send_buffer();
    if (status == net::IoStatus::want_write || status == net::IoStatus::want_read) {
      blocked_on_ = status;
      return false;
    }
    if (status != net::IoStatus::ok) {
      fail(Error{Code::reset, side(), Retry::if_reused});
      return true;
    }
    drain_into_buffer();
    if (failed()) return true;
    if (out_end_ == 0) {
      out_.release();
      return true;
    }
  }
}

void H2Session::write_now() noexcept {
  write_.clear();
  if (failed() || writing_) return;
  if (!write_some()) {
    writing_ = true;
    writers().start(write_blocked());
    return;
  }
  if (!failed() && is_done()) fail(Error{Code::closed, side(), Retry::if_reused});
}

Task<void> H2Session::write_on() {
  bool blocked = true;
  while (blocked && !failed()) {
    const net::Waited waited = co_await stream_.wait(blocked_on_, settings_.write_timeout_ms);
    if (failed()) break;
    if (waited != net::Waited::ready) {
      if (waited == net::Waited::timeout) on_event(H2Event::write_stall);
      fail(stream_.error_of(waited));
      break;
    }
    blocked = !write_some();
  }
  writing_ = false;
  if (!failed() && is_done()) fail(Error{Code::closed, side(), Retry::if_reused});
}

void H2Session::attach(H2Stream& stream, std::int32_t id) noexcept {
  stream.id = id;
  stream.open = true;
  stream.reset_by_peer = false;
  stream.close_code = 0;
  stream.previous_ = nullptr;
  stream.next_ = first_;
  if (first_) first_->previous_ = &stream;
  first_ = &stream;
  ++open_;
  nghttp2_session_set_stream_user_data(session_, id, &stream);
}

void H2Session::unlink(H2Stream& stream) noexcept {
  if (stream.next_) stream.next_->previous_ = stream.previous_;
  if (stream.previous_)
    stream.previous_->next_ = stream.next_;
  else
    first_ = stream.next_;
  stream.next_ = stream.previous_ = nullptr;
  stream.open = false;
  --open_;
}

void H2Session::close_stream(H2Stream& stream, std::uint32_t code, Code why) noexcept {
  unlink(stream);
  stream.close_code = code;
  stream.on_close(code);
  // Whatever was whole by then stays readable; nothing that was not becomes so.
  const Error error{why, side(), Retry::never};
  stream.in.fail(error);
  if (!stream.out.is_sent()) stream.out.fail(error);
}

void H2Session::tell_drain() noexcept {
  for (H2Stream* stream = first_; stream; stream = stream->next_) stream->on_drain();
}

void H2Session::detach(H2Stream& stream, std::uint32_t reset_code) noexcept {
  if (!stream.open) return;
  reset(stream, reset_code);
  let_go(stream);
}

void H2Session::let_go(H2Stream& stream) noexcept {
  if (!stream.open) return;
  nghttp2_session_set_stream_user_data(session_, stream.id, nullptr);
  if (current_ == &stream) current_ = nullptr;
  unlink(stream);
}

void H2Session::reset(H2Stream& stream, std::uint32_t code) noexcept {
  if (!stream.open || failed()) return;
  ++own_resets_;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, code);
  schedule_write();
}

void H2Session::give_back(std::int32_t stream, std::size_t bytes) noexcept {
  if (failed()) return;
  nghttp2_session_consume(session_, stream, bytes);
  schedule_write();
}

std::size_t H2Session::send_window(std::int32_t stream) const noexcept {
  if (failed()) return 0;
  std::int32_t window = nghttp2_session_get_stream_remote_window_size(session_, stream);
  if (window < 0 && first_)  // a stream whose HEADERS have not gone out yet
    window =
        static_cast<std::int32_t>(nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE));
  return static_cast<std::size_t>(std::max(0, std::min(window, nghttp2_session_get_remote_window_size(session_))));
}

void H2Session::glitch(H2Event event, std::uint32_t weight) noexcept {
  on_event(event);
  if (killed_ || role_ == Role::client) return;
  switch (glitches_.add(weight, coarse_now_ms())) {
    case H2Glitches::Verdict::fine:
      break;
    case H2Glitches::Verdict::warn:
      if (!warned_) on_event(H2Event::glitch_goaway);
      if (!warned_) announce_end();
      warned_ = true;
      break;
    case H2Glitches::Verdict::kill:
      kill(H2Event::glitch_kill);
      break;
  }
}

void H2Session::kill(H2Event event) noexcept {
  if (killed_) return;
  killed_ = true;
  on_event(event);
  end_now(NGHTTP2_ENHANCE_YOUR_CALM);
}

void H2Session::announce_end() noexcept {
  if (failed()) return;
  nghttp2_submit_shutdown_notice(session_);
  schedule_write();
}

void H2Session::end_now(std::uint32_t code) noexcept {
  if (failed()) return;
  if (code == NGHTTP2_NO_ERROR)
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_), code, nullptr,
                          0);
  else
    nghttp2_session_terminate_session(session_, code);
  schedule_write();
}

void H2Session::fail(Error why) noexcept {
  if (failed()) return;
  error_ = why;
  write_.clear();
  current_ = nullptr;
  pending_ = {};
  while (first_) close_stream(*first_, NGHTTP2_INTERNAL_ERROR, why.code);
  out_begin_ = out_end_ = 0;
  out_.release();
  if (writing_) stream_.socket().writable().interrupt();
  on_failed();
}

}  // namespace postern::wire
