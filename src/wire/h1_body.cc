#include "wire/h1_body.h"

#include <algorithm>
#include <new>

namespace postern::wire {

const http::Fields H1Body::kNoTrailers;

namespace {
/// Every name that could pass: the pipeline narrows this down to what the route lists.
constexpr std::string_view kAnyTrailer[] = {"*"};
}  // namespace

void H1Body::start(net::Stream& stream, H1Input& input, http::Framing framing, std::uint64_t length,
                   std::int64_t read_timeout_ms) noexcept {
  stream_ = &stream;
  input_ = &input;
  framing_ = framing;
  ended_ = framing == http::Framing::none || (framing == http::Framing::length && length == 0);
  broken_ = read_more_ = false;
  remaining_ = length_ = length;
  run_ = received_ = limit_ = 0;
  read_timeout_ms_ = read_timeout_ms;
  failure_ = nullptr;
  failure_status_ = 400;
  hook_ = nullptr;
  if (framing != http::Framing::chunked) return;
  // Trailers are rare, chunked requests too: their room comes from the pool for as long as the exchange lasts.
  trailer_space_ = stream.loop().buffers().small();
  static_assert(sizeof(http::Fields) + ChunkedDecoder::kTrailerBytes <= BufferPool::kSmall);
  trailers_ = new (trailer_space_.data()) http::Fields();
  decoder_ = ChunkedDecoder({trailer_space_.data() + sizeof(http::Fields), ChunkedDecoder::kTrailerBytes}, trailers_,
                            kAnyTrailer);
}

void H1Body::release() noexcept {
  trailers_ = nullptr;
  trailer_space_.release();
}

void H1Body::fail(Code code, std::uint16_t status, const char* reason) noexcept {
  broken_ = true;
  error_ = stream_->error_of(net::IoStatus::error);
  error_.code = code;
  failure_status_ = status;
  failure_ = reason;
}

std::string_view H1Body::peek() noexcept {
  if (ended_ || broken_) return {};
  const std::string_view unread = input_->unread();
  switch (framing_) {
    case http::Framing::length: {
      if (limit_ && length_ > limit_) {
        fail(Code::too_large, 413, "body over the limit");
        return {};
      }
      return unread.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, unread.size())));
    }
    case http::Framing::chunked:
      return peek_chunked();
    case http::Framing::until_close:
      return unread;
    case http::Framing::none:
      break;
  }
  return {};
}

std::string_view H1Body::peek_chunked() noexcept {
  if (run_ > 0) return input_->unread().substr(0, static_cast<std::size_t>(run_));
  while (!input_->empty()) {
    const std::string_view unread = input_->unread();
    const ChunkedDecoder::Step step = decoder_.next(unread);
    if (step.state == ChunkedDecoder::State::failed) {
      fail(Code::malformed, step.http_status, step.reason);
      return {};
    }
    if (limit_ && decoder_.announced() > limit_) {
      fail(Code::too_large, 413, "body over the limit");
      return {};
    }
    if (step.state == ChunkedDecoder::State::data) {
      // Framing is consumed, the run itself only by consume().
      input_->consume(static_cast<std::size_t>(step.data.data() - unread.data()));
      run_ = step.data.size();
      return step.data;
    }
    input_->consume(step.consumed);
    if (step.state == ChunkedDecoder::State::end) {
      ended_ = true;
      return {};
    }
  }
  return {};
}

void H1Body::consume(std::size_t bytes) noexcept {
  input_->consume(bytes);
  received_ += bytes;
  if (framing_ == http::Framing::length) {
    remaining_ -= bytes;
    ended_ = remaining_ == 0;
  } else if (framing_ == http::Framing::chunked) {
    run_ -= bytes;
  }
}

Result<void> H1Body::read_once(bool& wait, net::IoStatus& want) noexcept {
  wait = false;
  const std::uint64_t wanted = framing_ == http::Framing::length ? remaining_ : BufferPool::kLarge;
  const net::IoResult got = input_->read(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, BufferPool::kLarge)));
  switch (got.status) {
    case net::IoStatus::ok:
      read_more_ = true;
      return Result<void>();
    case net::IoStatus::want_read:
    case net::IoStatus::want_write:
      wait = true;
      want = got.status;
      return Result<void>();
    case net::IoStatus::eof:
      if (framing_ == http::Framing::until_close) {
        ended_ = true;
        return Result<void>();
      }
      fail(Code::closed, 400, "connection ended within the body");
      return error_;
    case net::IoStatus::error:
      break;
  }
  fail(Code::reset, 400, "connection broke within the body");
  return error_;
}

Task<Result<void>> H1Body::fill() {
  if (broken_) co_return error_;
  if (hook_) {
    hook_(hook_owner_);
    hook_ = nullptr;
  }
  net::IoStatus want = net::IoStatus::want_read;
  bool wait = input_->drained();
  for (;;) {
    if (wait) {
      input_->rest();
      const net::Waited waited = co_await stream_->wait(want, read_timeout_ms_);
      if (waited != net::Waited::ready) {
        if (!broken_) {
          fail(waited == net::Waited::timeout ? Code::timeout : Code::cancelled, 408, "body did not arrive in time");
        }
        co_return error_;
      }
    }
    if (broken_) co_return error_;
    const Result<void> got = read_once(wait, want);
    if (!got || !wait) co_return got;
  }
}

bool H1Body::rewind() noexcept {
  if (read_more_ || broken_) return false;
  if (framing_ == http::Framing::none) return true;
  if (framing_ != http::Framing::length) return false;  // chunk framing is gone: such a body is held by buffering only
  input_->unconsume(static_cast<std::size_t>(received_));
  remaining_ = length_;
  received_ = 0;
  ended_ = length_ == 0;
  return true;
}

void H1Body::stop(Error why) noexcept {
  if (broken_) return;
  broken_ = true;
  error_ = why;
  failure_status_ = 0;
  if (stream_ && stream_->is_open()) stream_->socket().readable().interrupt();
}

}  // namespace postern::wire
