// gRPC-Web on the client's side, gRPC on the upstream's: the bodies of both directions as adapters over their sources,
// and what changes in the heads. Messages pass as they are; only base64 and the place of the trailers differ.
// The forwarder owns one adapter per direction where a route has `grpc_web`. No allocation but a pool's buffer, which
// is not held while there is nothing to translate. One core only.
#pragma once

#include <array>

#include "base/buffer_pool.h"
#include "grpc/base64.h"
#include "grpc/content_type.h"
#include "http/head.h"
#include "postern/exchange.h"

namespace postern::grpc {

/// Makes the head of a gRPC-Web request one of gRPC. `space` keeps an unusual content-type; it lives with the head.
/// False: no room for another field.
bool to_grpc(http::RequestHead& head, std::span<char> space) noexcept;

/// Makes the head of a gRPC answer (kind_of() its content-type) one of gRPC-Web; `kind`: which. Its body then has to go
/// through WebAnswerBody, but for framing `none`: a trailers-only answer keeps its status in the head, where clients of
/// gRPC-Web look for it, too. False: no room for another field.
bool to_web(http::ResponseHead& head, Kind kind, std::span<char> space) noexcept;

/// The decoded body of an application/grpc-web-text request. (Binary ones need no adapter.)
class WebTextBody final : public BodySource {
 public:
  WebTextBody(BodySource& source, BufferPool& buffers) noexcept : source_(source), buffers_(buffers) {}

  /// The source starts over.
  void rewind() noexcept;

  FramePool& frames() noexcept override { return source_.frames(); }
  std::string_view peek() noexcept override;
  void consume(std::size_t bytes) noexcept override { begin_ += bytes; }
  [[nodiscard]] bool at_end() const noexcept override {
    return begin_ == end_ && decoder_.is_whole() && source_.at_end();
  }
  /// What is not base64, or ends within a quantum, is malformed, by the client's fault.
  Task<Result<void>> fill() override;
  [[nodiscard]] const http::Fields& trailers() const noexcept override { return source_.trailers(); }
  [[nodiscard]] std::uint64_t received() const noexcept override { return source_.received(); }

 private:
  BodySource& source_;
  BufferPool& buffers_;
  Base64Decoder decoder_;
  Buffer buffer_;  // [begin_, end_): decoded and not yet taken; what is before stays readable until fill()
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// The bytes of a gRPC-Web trailer frame, piece by piece: 0x80, the length, then "name: value" lines.
class TrailerFrame {
 public:
  /// `trailers` stay valid. Without grpc-status among them the upstream broke off, which must not look like a success:
  /// then the status is INTERNAL. `status_in_head`: it has been said already.
  void start(const http::Fields& trailers, bool status_in_head) noexcept;
  [[nodiscard]] bool started() const noexcept { return trailers_ != nullptr; }
  /// Empty: that was all of it.
  [[nodiscard]] std::string_view peek() const noexcept;
  void consume(std::size_t bytes) noexcept;

 private:
  [[nodiscard]] std::string_view piece() const noexcept;

  const http::Fields* trailers_ = nullptr;
  std::array<char, 5> prefix_{};
  bool adds_status_ = false;
  std::size_t piece_ = 0;  // 0: the prefix; then four for each field: name, ": ", value, CRLF; then the added status
  std::size_t taken_ = 0;  // of that piece
};

/// The body of a gRPC answer as gRPC-Web; its trailers are in it, so trailers() has none.
class WebAnswerBody final : public BodySource {
 public:
  WebAnswerBody(BodySource& source, BufferPool& buffers, Kind kind, bool status_in_head) noexcept
      : source_(source), buffers_(buffers), is_text_(kind == Kind::web_text), status_in_head_(status_in_head) {}

  FramePool& frames() noexcept override { return source_.frames(); }
  std::string_view peek() noexcept override;
  void consume(std::size_t bytes) noexcept override;
  [[nodiscard]] bool at_end() const noexcept override { return ended_ && begin_ == end_; }
  Task<Result<void>> fill() override;
  [[nodiscard]] const http::Fields& trailers() const noexcept override { return kNone; }
  [[nodiscard]] std::uint64_t received() const noexcept override { return source_.received(); }

 private:
  std::span<char> room() noexcept;
  void stage_text() noexcept;
  void stage_trailers() noexcept;

  static const http::Fields kNone;

  BodySource& source_;
  BufferPool& buffers_;
  TrailerFrame frame_;
  Base64Encoder encoder_;
  Buffer buffer_;  // as above
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  const bool is_text_;
  const bool status_in_head_;
  bool passes_ = false;  // peek() gave bytes of the source itself
  bool ended_ = false;   // all of it has been staged
};

}  // namespace postern::grpc
