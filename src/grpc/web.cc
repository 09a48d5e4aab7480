#include "grpc/web.h"

#include <algorithm>
#include <cstring>

#include "grpc/status.h"

namespace postern::grpc {

namespace {

// An answer without a status broke off somewhere behind us: never a success.
constexpr std::string_view kLostStatusMessage = "the answer ended without a status";
constexpr std::string_view kLostStatus = "grpc-status: 13\r\ngrpc-message: the answer ended without a status\r\n";
constexpr Error kNotBase64{Code::malformed, Side::downstream, Retry::never};

/// With at least that much room something can always be staged.
constexpr std::size_t kLeast = 8;

bool set_content_type(http::Fields& fields, std::string_view value) noexcept {
  fields.remove(http::FieldId::content_type);
  return fields.add(http::FieldId::content_type, value);
}

}  // namespace

const http::Fields WebAnswerBody::kNone;

bool to_grpc(http::RequestHead& head, std::span<char> space) noexcept {
  const ContentType type = parse_content_type(head.fields.find(http::FieldId::content_type));
  head.accepts_trailers = true;
  if (type.kind == Kind::web_text) {  // the decoded length is not known
    head.fields.remove(http::FieldId::content_length);
    if (head.framing == http::Framing::length) head.framing = http::Framing::chunked;
  }
  return set_content_type(head.fields, write_content_type(Kind::grpc, type.suffix, space));
}

bool to_web(http::ResponseHead& head, Kind kind, std::span<char> space) noexcept {
  const ContentType type = parse_content_type(head.fields.find(http::FieldId::content_type));
  head.fields.remove(http::FieldId::content_length);
  bool fits = set_content_type(head.fields, write_content_type(kind, type.suffix, space));
  if (head.framing != http::Framing::none) {
    head.framing = http::Framing::chunked;
  } else if (head.fields.find(kStatusName).data() == nullptr) {
    fits = fits && head.fields.add(kStatusName, to_digits(Status::internal)) &&
           head.fields.add(kMessageName, kLostStatusMessage);
  }
  return fits;
}

void WebTextBody::rewind() noexcept {
  decoder_ = Base64Decoder();
  begin_ = end_ = 0;
}

std::string_view WebTextBody::peek() noexcept {
  for (;;) {
    const std::string_view text = source_.peek();
    if (text.empty()) break;
    if (!buffer_) buffer_ = buffers_.small();
    const Coded done = decoder_.decode(text, {buffer_.data() + end_, buffer_.size() - end_});
    source_.consume(done.taken);
    end_ += done.made;
    if (done.taken == 0) break;  // full, or broken
  }
  return {buffer_.data() + begin_, end_ - begin_};
}

Task<Result<void>> WebTextBody::fill() {
  if (begin_ != end_) co_return Result<void>();
  begin_ = end_ = 0;
  if (decoder_.is_broken()) co_return kNotBase64;
  if (!source_.peek().empty()) co_return Result<void>();  // the buffer was full
  if (source_.at_end()) {
    if (decoder_.is_whole()) co_return Result<void>();
    co_return kNotBase64;
  }
  buffer_.release();
  const Result<void> more = co_await source_.fill();
  co_return more;
}

void TrailerFrame::start(const http::Fields& trailers, bool status_in_head) noexcept {
  trailers_ = &trailers;
  adds_status_ = !status_in_head && trailers.find(kStatusName).data() == nullptr;
  std::size_t size = adds_status_ ? kLostStatus.size() : 0;
  for (std::size_t i = 0; i < trailers.size(); ++i) size += trailers[i].name.size() + trailers[i].value.size() + 4;
  prefix_ = {static_cast<char>(0x80), static_cast<char>(size >> 24), static_cast<char>(size >> 16),
             static_cast<char>(size >> 8), static_cast<char>(size)};
  if (size == 0) piece_ = 1;  // said in the head, nothing to add: no frame
}

std::string_view TrailerFrame::piece() const noexcept {
  if (piece_ == 0) return {prefix_.data(), prefix_.size()};
  const std::size_t field = (piece_ - 1) / 4;
  if (field >= trailers_->size()) return adds_status_ && piece_ == 1 + 4 * trailers_->size() ? kLostStatus : "";
  switch ((piece_ - 1) % 4) {
    case 0:
      return (*trailers_)[field].name;
    case 1:
      return ": ";
    case 2:
      return (*trailers_)[field].value;
    default:
      return "\r\n";
  }
}

std::string_view TrailerFrame::peek() const noexcept { return piece().substr(taken_); }

void TrailerFrame::consume(std::size_t bytes) noexcept {
  taken_ += bytes;
  // An empty value is a piece without bytes, which must not be taken for the end.
  while (taken_ == piece().size() && piece_ <= 4 * trailers_->size() + 1) {
    taken_ = 0;
    ++piece_;
  }
}

std::span<char> WebAnswerBody::room() noexcept {
  if (!buffer_) buffer_ = buffers_.small();
  return {buffer_.data() + end_, buffer_.size() - end_};
}

std::string_view WebAnswerBody::peek() noexcept {
  passes_ = false;
  if (!frame_.started()) {
    if (is_text_) {
      stage_text();
    } else {
      const std::string_view data = source_.peek();
      passes_ = !data.empty();
      if (passes_) return data;
    }
    if (source_.at_end() && source_.peek().empty()) frame_.start(source_.trailers(), status_in_head_);
  }
  if (frame_.started() && !ended_) stage_trailers();
  return {buffer_.data() + begin_, end_ - begin_};
}

void WebAnswerBody::consume(std::size_t bytes) noexcept {
  if (passes_)
    source_.consume(bytes);
  else
    begin_ += bytes;
}

// What has come so far goes out whole, padded, when no more is here: the client may be waiting for just these bytes.
void WebAnswerBody::stage_text() noexcept {
  std::string_view data = source_.peek();
  while (!data.empty() && room().size() >= kLeast) {
    const Coded done = encoder_.encode(data, room());
    source_.consume(done.taken);
    end_ += done.made;
    data = source_.peek();
  }
  if (data.empty() && !source_.at_end() && encoder_.has_rest() && room().size() >= kLeast)
    end_ += encoder_.finish(room());
}

void WebAnswerBody::stage_trailers() noexcept {
  std::string_view piece = frame_.peek();
  while (!piece.empty()) {
    const std::span<char> space = room();
    if (space.size() < kLeast) return;
    Coded done;
    if (is_text_) {
      done = encoder_.encode(piece, space);
    } else {
      done.taken = done.made = std::min(piece.size(), space.size());
      std::memcpy(space.data(), piece.data(), done.made);
    }
    frame_.consume(done.taken);
    end_ += done.made;
    piece = frame_.peek();
  }
  if (encoder_.has_rest()) {
    if (room().size() < kLeast) return;
    end_ += encoder_.finish(room());
  }
  ended_ = true;
}

Task<Result<void>> WebAnswerBody::fill() {
  if (begin_ != end_ || ended_) co_return Result<void>();
  begin_ = end_ = 0;
  if (frame_.started() || source_.at_end() || !source_.peek().empty()) co_return Result<void>();
  buffer_.release();
  const Result<void> more = co_await source_.fill();
  co_return more;
}

}  // namespace postern::grpc
