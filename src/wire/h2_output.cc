#include "wire/h2_output.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "wire/h2_session.h"

namespace postern::wire {

namespace {
/// Shorter runs are copied, so that whoever brought them can go on; longer ones are framed where they stand.
constexpr std::size_t kCopyUpTo = 4096;
}  // namespace

/// Kept from finish() until nghttp2 asks for them, behind the last byte.
struct H2Output::Trailers {
  H2Arena texts;
  std::vector<nghttp2_nv> fields;
};

H2Output::H2Output(net::Loop& loop) noexcept : loop_(loop), drained_(loop) {}
H2Output::~H2Output() = default;

void H2Output::start(H2Session& session, std::int32_t stream, Side side, std::int64_t write_timeout_ms) noexcept {
  session_ = &session;
  stream_ = stream;
  side_ = side;
  write_timeout_ms_ = write_timeout_ms;
  copied_begin_ = copied_end_ = 0;
  borrowed_ = {};
  body_bytes_ = 0;
  error_ = Error{Code::ok};
  no_body_ = finished_ = deferred_ = end_framed_ = has_trailers_ = false;
}

void H2Output::put(std::string_view bytes) noexcept {
  if (bytes.empty() || no_body_ || failed()) return;
  body_bytes_ += bytes.size();
  if (bytes.size() <= kCopyUpTo) {
    if (!copied_) copied_ = loop_.buffers().small();
    if (copied_end_ == copied_begin_) copied_begin_ = copied_end_ = 0;
    if (bytes.size() <= copied_.size() - copied_end_) {
      std::memcpy(copied_.data() + copied_end_, bytes.data(), bytes.size());
      copied_end_ += bytes.size();
      resume();
      return;
    }
  }
  borrowed_ = bytes;
  resume();
}

// The next short run must always find room.
bool H2Output::wants_flush() const noexcept {
  return !borrowed_.empty() || (copied_ && copied_end_ > copied_begin_ && copied_.size() - copied_end_ < kCopyUpTo);
}

void H2Output::finish(const http::Fields* trailers) noexcept {
  finished_ = true;
  if (no_body_ || failed()) return;
  if (trailers && !trailers->empty()) keep_trailers(*trailers);
  resume();
}

void H2Output::keep_trailers(const http::Fields& trailers) noexcept {
  if (!trailers_) trailers_ = std::make_unique<Trailers>();
  trailers_->texts.clear();
  trailers_->fields.clear();
  BufferPool& pool = loop_.buffers();
  for (std::size_t i = 0; i < trailers.size(); ++i) {
    char* const name = trailers_->texts.reserve(pool, trailers[i].name.size());
    const std::string_view value = trailers_->texts.keep(pool, trailers[i].value);
    if (!name || !value.data()) continue;
    std::transform(trailers[i].name.begin(), trailers[i].name.end(), name,
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c; });
    trailers_->fields.push_back({reinterpret_cast<std::uint8_t*>(name),
                                 reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
                                 trailers[i].name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  has_trailers_ = !trailers_->fields.empty();
}

void H2Output::resume() noexcept {
  if (!session_ || session_->failed()) return;
  if (deferred_) {
    deferred_ = false;
    nghttp2_session_resume_data(session_->raw(), stream_);
  }
  session_->schedule_write();
}

Flushed H2Output::try_flush() noexcept {
  if (failed()) return Flushed::failed;
  if (queued() == 0) return Flushed::done;
  // Short runs that the windows have room for are as good as sent: they leave with everybody's behind the batch.
  if (borrowed_.empty() && !session_->is_congested() && queued() <= session_->send_window(stream_)) {
    session_->schedule_write();
    return Flushed::done;
  }
  session_->write_now();
  if (failed()) return Flushed::failed;
  return queued() == 0 ? Flushed::done : Flushed::blocked;
}

Task<Result<void>> H2Output::flush() {
  for (;;) {
    const Flushed now = try_flush();
    if (now == Flushed::done) co_return Result<void>();
    if (now == Flushed::failed) co_return error_;
    const std::size_t before = queued();
    const net::Waited waited = co_await drained_.wait(write_timeout_ms_);
    if (waited == net::Waited::timeout && queued() == before && !failed()) {
      session_->glitch(H2Event::write_stall);  // one is bad luck, many at once are an attack
      if (failed()) co_return error_;
      fail(Error{Code::timeout, side_, Retry::never});
      co_return error_;
    }
  }
}

Task<bool> H2Output::wait_sent() {
  while (!is_sent() && !failed()) {
    const std::size_t before = queued();
    const net::Waited waited = co_await drained_.wait(write_timeout_ms_);
    if (waited == net::Waited::timeout && queued() == before) break;
  }
  co_return is_sent();
}

ssize_t H2Output::on_read(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room, std::uint32_t* flags,
                          nghttp2_data_source* source, void* user) noexcept {
  // nghttp2 goes on to the next frame without returning to the session: it must pause before the block is full.
  const std::size_t space = static_cast<H2Session*>(user)->frame_room();
  if (space == 0) return NGHTTP2_ERR_PAUSE;
  return static_cast<H2Output*>(source->ptr)->next_frame(std::min(room, space), flags);
}

ssize_t H2Output::next_frame(std::size_t room, std::uint32_t* flags) noexcept {
  if (failed()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // a reset: what is missing must not look like an end
  const std::size_t size = std::min(queued(), room);
  if (size == 0 && !finished_) {
    deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  if (size > 0) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (!finished_ || size < queued()) return static_cast<ssize_t>(size);
  end_framed_ = true;
  drained_.notify();
  if (!has_trailers_) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }
  has_trailers_ = false;
  nghttp2_submit_trailer(session_->raw(), stream_, trailers_->fields.data(), trailers_->fields.size());
  // An empty DATA frame before the trailers is allowed, and some gRPC clients stumble over it: none is made.
  if (size == 0) return NGHTTP2_ERR_DEFERRED;
  *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
  return static_cast<ssize_t>(size);
}

void H2Output::take(char* into, std::size_t size) noexcept {
  const std::size_t copied = std::min(size, copied_end_ - copied_begin_);
  if (copied > 0) {
    std::memcpy(into, copied_.data() + copied_begin_, copied);
    copied_begin_ += copied;
    if (copied_begin_ == copied_end_) {
      copied_begin_ = copied_end_ = 0;
      copied_.release();
    }
  }
  if (size > copied) {
    std::memcpy(into + copied, borrowed_.data(), size - copied);
    borrowed_.remove_prefix(size - copied);
  }
  drained_.notify();
}

void H2Output::fail(Error why) noexcept {
  if (failed()) return;
  error_ = why;
  release_bytes();
  drained_.notify();
}

void H2Output::release_bytes() noexcept {
  copied_.release();
  copied_begin_ = copied_end_ = 0;
  borrowed_ = {};
}

void H2Output::release() noexcept {
  release_bytes();
  if (trailers_) trailers_->texts.clear();
  session_ = nullptr;
}

}  // namespace postern::wire
