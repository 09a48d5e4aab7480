// An exchange without a wire: a head to edit, a body in pieces, an answer that is remembered.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "postern/exchange.h"

namespace postern::test {

/// Gives its pieces one after another; fill() brings the next one at once.
class PieceSource final : public BodySource {
 public:
  PieceSource(FramePool& pool, std::deque<std::string> pieces) : pool_(pool), pieces_(std::move(pieces)) {}

  std::string_view peek() noexcept override { return std::string_view(now_).substr(taken_); }
  void consume(std::size_t bytes) noexcept override {
    taken_ += bytes;
    received_ += bytes;
  }
  FramePool& frames() noexcept override { return pool_; }
  bool at_end() const noexcept override { return ends && taken_ == now_.size() && pieces_.empty(); }
  Task<Result<void>> fill() override {
    ++fills;
    if (pieces_.empty()) co_return Error{Code::closed, Side::downstream, Retry::never};
    now_ = std::move(pieces_.front());
    pieces_.pop_front();
    taken_ = 0;
    co_return Result<void>();
  }
  const http::Fields& trailers() const noexcept override { return trailer_fields; }
  std::uint64_t received() const noexcept override { return received_; }

  http::Fields trailer_fields;
  bool ends = true;  // false: breaks off after the last piece
  int fills = 0;

 private:
  FramePool& pool_;
  std::deque<std::string> pieces_;
  std::string now_;
  std::size_t taken_ = 0;
  std::uint64_t received_ = 0;
};

/// Takes everything; wants a flush after each put when `borrows`.
class TextSink final : public BodySink {
 public:
  explicit TextSink(FramePool& pool) : pool_(pool) {}
  FramePool& frames() noexcept { return pool_; }
  void put(std::string_view bytes) noexcept override {
    overran |= borrows && pending_;
    text += bytes;
    pending_ = true;
  }
  bool wants_flush() const noexcept override { return borrows && pending_; }
  void finish(const http::Fields* fields) noexcept override {
    finished = true;
    for (std::size_t i = 0; fields && i < fields->size(); ++i)
      trailers += std::string((*fields)[i].name) + "=" + std::string((*fields)[i].value) + ";";
  }
  Flushed try_flush() noexcept override {
    if (blocks) return Flushed::blocked;
    if (fails) return Flushed::failed;
    ++flushes;
    pending_ = false;
    return Flushed::done;
  }
  Task<Result<void>> flush() override {
    blocks = false;
    if (try_flush() == Flushed::failed) co_return Error{Code::reset, Side::upstream, Retry::if_reused};
    co_return Result<void>();
  }

  std::string text;
  std::string trailers;
  int flushes = 0;
  bool borrows = false;
  bool blocks = false;
  bool fails = false;
  bool finished = false;
  bool overran = false;

 private:
  FramePool& pool_;
  bool pending_ = false;
};

class FakeExchange final : public Exchange {
 public:
  FramePool& frames() noexcept override { return pool; }
  const Peer& peer() const noexcept override { return who; }
  http::RequestHead& request() noexcept override { return head; }
  BodySource& request_body() noexcept override { return body; }
  bool rewind_request_body() noexcept override { return false; }
  void limit_request_body(std::uint64_t) noexcept override {}
  BodyFailure request_body_failure() const noexcept override { return {}; }
  void inform(const http::ResponseHead&) noexcept override {}
  void start_response(const http::ResponseHead& response) noexcept override {
    started = true;
    status = response.status;
    framing = response.framing;
    for (std::size_t i = 0; i < response.fields.size(); ++i)
      fields[std::string(response.fields[i].name)] = response.fields[i].value;
  }
  BodySink& response_body() noexcept override { return sink; }
  bool response_started() const noexcept override { return started; }
  std::uint64_t response_bytes() const noexcept override { return sink.text.size(); }
  void abort(Error) noexcept override { aborted = true; }
  void stop_reading(Error) noexcept override {}
  void watch_client(ClientWatcher*) noexcept override {}

  FramePool pool;
  Peer who;
  http::RequestHead head;
  PieceSource body{pool, {}};
  TextSink sink{pool};
  bool started = false;
  bool aborted = false;
  int status = 0;
  http::Framing framing = http::Framing::none;
  std::map<std::string, std::string> fields;  // of the answer
};

}  // namespace postern::test
