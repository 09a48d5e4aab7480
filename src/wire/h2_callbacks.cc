// nghttp2's callbacks: they only record. nghttp2_session_mem_recv/mem_send must never be called from here, so nothing
// that could write or resume a coroutine is: signals wake behind the batch.
#include "wire/h2_callbacks.h"

#include <cstdlib>
#include <cstring>

#include "wire/h2_session.h"

namespace postern::wire {

struct H2Callbacks {
  static H2Session& self(void* user) noexcept { return *static_cast<H2Session*>(user); }
  static H2Stream* stream_of(nghttp2_session* session, std::int32_t id) noexcept {
    return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }
  static std::string_view text(const std::uint8_t* data, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};
  }
  static int verdict(const H2Session& session) noexcept { return session.killed_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0; }

  // nghttp2 passes over a head for a number that was skipped; only a peer that has lost count, or wants us to, sends
  // one.
  static int on_begin_frame(nghttp2_session* raw, const nghttp2_frame_hd* head, void* user) noexcept {
    H2Session& session = self(user);
    if (head->type != NGHTTP2_HEADERS || session.role_ == H2Session::Role::client) return 0;
    if (head->stream_id >= session.newest_stream_)
      session.newest_stream_ = head->stream_id;
    else if (!nghttp2_session_find_stream(raw, head->stream_id))
      nghttp2_session_terminate_session(raw, NGHTTP2_PROTOCOL_ERROR);
    return 0;
  }

  static int on_begin_headers(nghttp2_session* raw, const nghttp2_frame* frame, void* user) noexcept {
    H2Session& session = self(user);
    session.header_bytes_ = 0;
    session.header_fields_ = 0;
    session.too_large_ = false;
    session.in_head_ = true;
    const std::int32_t id = frame->hd.stream_id;
    session.current_ = stream_of(raw, id);
    if (!session.current_ && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      session.current_ = session.on_new_stream(id);
      if (session.current_) {
        session.attach(*session.current_, id);
      } else {
        session.own_resets_ += 1;
        nghttp2_submit_rst_stream(raw, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
        session.glitch(H2Event::refused, H2Glitches::kFifth);
      }
    }
    return verdict(session);
  }

  // Counted before anything is copied. What is too much is decoded and dropped, up to a point.
  static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) noexcept {
    constexpr std::uint64_t kBomb = 8;
    H2Session& session = self(user);
    const H2Settings& settings = session.settings_;
    session.header_bytes_ += name_size + value_size + 32;
    ++session.header_fields_;
    if (session.header_bytes_ > kBomb * settings.max_header_bytes) {
      session.kill(H2Event::header_overflow);
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (!session.current_ || session.too_large_) return 0;
    if (session.header_bytes_ > settings.max_header_bytes || session.header_fields_ > settings.max_header_fields + 6) {
      session.too_large_ = true;
      session.on_event(H2Event::header_overflow);
      session.current_->on_too_large();
      return 0;
    }
    if (!session.current_->on_header(text(name, name_size), text(value, value_size))) reject(session);
    return 0;
  }

  static int on_invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t,
                               const std::uint8_t*, std::size_t, std::uint8_t, void* user) noexcept {
    H2Session& session = self(user);
    if (session.current_) reject(session);
    session.glitch(H2Event::protocol_error);
    return verdict(session);
  }

  static void reject(H2Session& session) noexcept {
    session.reset(*session.current_, NGHTTP2_PROTOCOL_ERROR);
    session.current_ = nullptr;
  }

  static int on_frame(nghttp2_session* raw, const nghttp2_frame* frame, void* user) noexcept {
    H2Session& session = self(user);
    const bool end_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        session.update_credits_ += 4;
        if (session.current_) {
          const bool trailers = frame->headers.cat == NGHTTP2_HCAT_HEADERS;
          if (!session.current_->on_headers_end(trailers, end_stream) && session.current_) reject(session);
        }
        session.current_ = nullptr;
        session.in_head_ = false;
        break;
      case NGHTTP2_DATA:
        if (H2Stream* stream = stream_of(raw, frame->hd.stream_id); stream && end_stream) stream->in.end();
        // An empty frame that is no end, or mostly padding, brings nothing and costs a little: in numbers, a flood.
        if (!end_stream && frame->hd.length <= frame->data.padlen) session.glitch(H2Event::empty_data);
        break;
      case NGHTTP2_RST_STREAM:
        if (H2Stream* stream = stream_of(raw, frame->hd.stream_id)) stream->reset_by_peer = true;
        session.glitch(H2Event::reset_received, H2Glitches::kFifth);
        break;
      default:
        control_frame(session, *frame);
        break;
    }
    return verdict(session);
  }

  static void control_frame(H2Session& session, const nghttp2_frame& frame) noexcept {
    const bool is_ack = (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0;
    switch (frame.hd.type) {
      case NGHTTP2_SETTINGS:
        if (is_ack) break;
        session.on_settings();
        if (++session.settings_seen_ > 2) session.glitch(H2Event::settings);
        break;
      case NGHTTP2_PING:
        if (is_ack)
          session.on_ping_ack();
        else
          session.glitch(H2Event::ping, H2Glitches::kFifth);
        break;
      case NGHTTP2_GOAWAY:
        session.on_goaway(frame.goaway.last_stream_id, frame.goaway.error_code);
        break;
      case NGHTTP2_PRIORITY:
        session.glitch(H2Event::priority, H2Glitches::kFifth);
        break;
      case NGHTTP2_WINDOW_UPDATE:
        // Each frame of ours explains two: one for its stream and one for the connection.
        if (session.update_credits_ > 0)
          --session.update_credits_;
        else
          session.glitch(H2Event::window_update, H2Glitches::kFifth);
        break;
      default:
        break;
    }
  }

  static int on_data(nghttp2_session* raw, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
                     void* user) noexcept {
    if (H2Stream* stream = stream_of(raw, id))
      stream->in.append(text(data, size));
    else
      self(user).give_back(id, size);
    return 0;
  }

  static int on_stream_close(nghttp2_session* raw, std::int32_t id, std::uint32_t code, void* user) noexcept {
    H2Session& session = self(user);
    H2Stream* const stream = stream_of(raw, id);
    if (!stream) return 0;
    if (session.current_ == stream) session.current_ = nullptr;
    session.close_stream(*stream, code, Code::reset);
    return 0;
  }

  static int on_frame_sent(nghttp2_session* raw, const nghttp2_frame* frame, void* user) noexcept {
    H2Session& session = self(user);
    refuse_rest(session, raw, *frame);
    if (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) session.update_credits_ += 2;
    // The library ended the connection by itself: frames that nobody may send, or too much of something.
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR && !session.killed_)
      session.on_event(frame->goaway.error_code == NGHTTP2_ENHANCE_YOUR_CALM ? H2Event::flood
                                                                             : H2Event::protocol_error);
    if (frame->hd.type != NGHTTP2_RST_STREAM) return 0;
    // What nghttp2 resets by itself was the peer's doing: making a server reset is an attack of its own.
    if (session.own_resets_ > 0)
      --session.own_resets_;
    else
      session.glitch(H2Event::reset_sent);
    return 0;
  }

  // The answer is out, its exchange went before it, and the client still sends: nobody is left who would stop it.
  static void refuse_rest(H2Session& session, nghttp2_session* raw, const nghttp2_frame& frame) noexcept {
    if (session.role_ == H2Session::Role::client || (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
    if (frame.hd.type != NGHTTP2_DATA && frame.hd.type != NGHTTP2_HEADERS) return;
    const std::int32_t id = frame.hd.stream_id;
    if (stream_of(raw, id) || nghttp2_session_get_stream_remote_close(raw, id) != 0) return;
    ++session.own_resets_;
    nghttp2_submit_rst_stream(raw, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
  }

  static int on_frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) noexcept {
    H2Session& session = self(user);
    if (frame->hd.type == NGHTTP2_RST_STREAM && session.own_resets_ > 0) --session.own_resets_;
    return 0;
  }

  // Behind this nghttp2 tells no more of such a head, not even its end: its clock must not run on.
  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int, void* user) noexcept {
    H2Session& session = self(user);
    if (frame->hd.type == NGHTTP2_HEADERS) {
      session.current_ = nullptr;
      session.in_head_ = false;
    }
    session.glitch(H2Event::protocol_error);
    return verdict(session);
  }

  // One call of nghttp2_session_mem_send() makes as many of these frames as there are: the block may be full by now.
  // And a stream that was let go, or gave up its bytes, since the frame was made has nothing to put into it.
  static int on_send_data(nghttp2_session* raw, nghttp2_frame* frame, const std::uint8_t* head, std::size_t size,
                          nghttp2_data_source* source, void* user) noexcept {
    H2Session& session = self(user);
    if (H2Session::kFrameHeader + size > session.room()) return NGHTTP2_ERR_WOULDBLOCK;
    const H2Stream* const stream = stream_of(raw, frame->hd.stream_id);
    if (!stream || stream->out.queued() < size) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    std::memcpy(session.out_.data() + session.out_end_, head, H2Session::kFrameHeader);
    static_cast<H2Output*>(source->ptr)->take(session.out_.data() + session.out_end_ + H2Session::kFrameHeader, size);
    session.out_end_ += H2Session::kFrameHeader + size;
    return 0;
  }
};

namespace {

nghttp2_session_callbacks* make() {
  nghttp2_session_callbacks* table = nullptr;
  if (nghttp2_session_callbacks_new(&table) != 0) std::abort();
  nghttp2_session_callbacks_set_on_begin_frame_callback(table, H2Callbacks::on_begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(table, H2Callbacks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(table, H2Callbacks::on_header);
  nghttp2_session_callbacks_set_on_invalid_header_callback(table, H2Callbacks::on_invalid_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(table, H2Callbacks::on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table, H2Callbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(table, H2Callbacks::on_stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(table, H2Callbacks::on_frame_sent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(table, H2Callbacks::on_frame_not_sent);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(table, H2Callbacks::on_invalid_frame);
  nghttp2_session_callbacks_set_send_data_callback(table, H2Callbacks::on_send_data);
  return table;
}

}  // namespace

const nghttp2_session_callbacks* h2_callbacks() {
  static const nghttp2_session_callbacks* const table = make();
  return table;
}

}  // namespace postern::wire
