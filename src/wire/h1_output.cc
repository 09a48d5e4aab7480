#include "wire/h1_output.h"

#include <cstring>

#include "wire/h1_write.h"

namespace postern::wire {

namespace {
/// Shorter runs are copied beside the head: one flat send is cheaper than a vector.
constexpr std::size_t kCopyUpTo = 4096;
constexpr std::size_t kFramingRoom = kChunkPrefixMax + kChunkEnd.size() + kLastChunk.size();
}  // namespace

void H1Output::reset(net::Stream& stream, std::int64_t write_timeout_ms) noexcept {
  stream_ = &stream;
  begin_ = end_ = 0;
  borrowed_ = {};
  chunk_end_pending_ = finished_ = failed_ = tunnel_ = ended_ = false;
  framing_ = http::Framing::none;
  write_timeout_ms_ = write_timeout_ms;
  body_bytes_ = 0;
}

char* H1Output::reserve(std::size_t bytes) noexcept {
  BufferPool& pool = stream_->loop().buffers();
  if (!out_) out_ = bytes + kFramingRoom > BufferPool::kSmall ? pool.large() : pool.small();
  if (bytes + kFramingRoom > room()) {
    Buffer larger = pool.large();
    const std::size_t queued = end_ - begin_;
    if (queued + bytes + kFramingRoom > larger.size()) return nullptr;
    std::memcpy(larger.data(), out_.data() + begin_, queued);
    out_ = std::move(larger);
    begin_ = 0;
    end_ = queued;
  }
  return out_.data() + end_;
}

void H1Output::append(std::string_view bytes) noexcept {
  std::memcpy(out_.data() + end_, bytes.data(), bytes.size());
  end_ += bytes.size();
}

void H1Output::put(std::string_view bytes) noexcept {
  if (bytes.empty() || framing_ == http::Framing::none) return;
  body_bytes_ += bytes.size();
  if (!out_) out_ = stream_->loop().buffers().small();
  if (framing_ == http::Framing::chunked)
    end_ = static_cast<std::size_t>(write_chunk_prefix(out_.data() + end_, bytes.size()) - out_.data());
  if (bytes.size() <= kCopyUpTo && bytes.size() + kFramingRoom <= room()) {
    append(bytes);
    if (framing_ == http::Framing::chunked) append(kChunkEnd);
    return;
  }
  borrowed_ = bytes;
  chunk_end_pending_ = framing_ == http::Framing::chunked;
}

// Another run must always find room for its framing.
bool H1Output::wants_flush() const noexcept { return !borrowed_.empty() || (out_ && room() < 2 * kFramingRoom); }

void H1Output::finish(const http::Fields* trailers) noexcept {
  finished_ = true;
  if (framing_ != http::Framing::chunked) return;
  if (!trailers || trailers->empty()) {
    if (!out_) out_ = stream_->loop().buffers().small();
    append(kLastChunk);
    return;
  }
  if (char* out = reserve(last_chunk_bound(*trailers))) {
    commit(write_last_chunk(out, *trailers));
  } else {
    failed_ = true;
  }
}

void H1Output::advance(std::size_t sent) noexcept {
  const std::size_t queued = end_ - begin_;
  if (sent < queued) {
    begin_ += sent;
    return;
  }
  begin_ = end_ = 0;
  borrowed_.remove_prefix(sent - queued);
  if (borrowed_.empty() && chunk_end_pending_) {
    chunk_end_pending_ = false;
    append(kChunkEnd);
  }
}

// Nothing to send: while a stream waits for its next event the block serves others, and stays warm in the cache.
void H1Output::rest() noexcept {
  out_.release();
  begin_ = end_ = 0;
  if (!tunnel_ || !finished_ || ended_) return;
  ended_ = true;
  stream_->shutdown_send();
}

Flushed H1Output::try_flush() noexcept {
  while (pending()) {
    if (failed_) return Flushed::failed;
    const net::IoResult sent =
        stream_->write({out_.data() + begin_, end_ - begin_}, {borrowed_.data(), borrowed_.size()});
    if (sent.status == net::IoStatus::ok) {
      advance(sent.bytes);
    } else if (sent.status == net::IoStatus::want_write || sent.status == net::IoStatus::want_read) {
      blocked_on_ = sent.status;
      return Flushed::blocked;
    } else {
      failed_ = true;
    }
  }
  if (failed_) return Flushed::failed;
  rest();
  return Flushed::done;
}

Task<Result<void>> H1Output::flush() {
  for (;;) {
    const Flushed now = try_flush();
    if (now == Flushed::done) co_return Result<void>();
    if (now == Flushed::failed) co_return stream_->error_of(net::IoStatus::error);
    const net::Waited waited = co_await stream_->wait(blocked_on_, write_timeout_ms_);
    if (waited != net::Waited::ready) {
      failed_ = true;
      co_return stream_->error_of(waited);
    }
  }
}

void H1Output::discard() noexcept {
  begin_ = end_ = 0;
  borrowed_ = {};
  chunk_end_pending_ = false;
  failed_ = true;
}

}  // namespace postern::wire
