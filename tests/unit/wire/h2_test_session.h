// A server's session over a socket pair whose streams are the test's own: for the two halves of a stream by themselves.
#pragma once

#include "unit/wire/h2_peer.h"
#include "wire/h2_session.h"

namespace postern::test {

class TestStream final : public wire::H2Stream {
 public:
  using H2Stream::H2Stream;
  bool on_header(std::string_view name, std::string_view value) noexcept override {
    if (head_ended) in.add_trailer(name, value);
    return true;
  }
  void on_too_large() noexcept override {}
  bool on_headers_end(bool, bool end_stream) noexcept override {
    head_ended = true;
    if (end_stream) in.end();
    return true;
  }
  void on_close(std::uint32_t) noexcept override {}
  bool head_ended = false;
};

/// Takes one stream, number 1. Reads when it is told to.
class TestSession final : public wire::H2Session {
 public:
  TestSession(net::Stream& stream, const wire::H2Settings& settings)
      : H2Session(stream, Role::server, settings), one(stream.loop()) {}
  TestStream one;
  int events = 0;

 private:
  wire::H2Stream* on_new_stream(std::int32_t id) noexcept override {
    one.in.start(*this, id, Side::downstream, read_timeout_ms);
    one.out.start(*this, id, Side::downstream, write_timeout_ms);
    return &one;
  }
  void on_goaway(std::int32_t, std::uint32_t) noexcept override {}
  void on_event(wire::H2Event) noexcept override { ++events; }
  void on_failed() noexcept override {}
  Task<void> write_blocked() override { return write_on(); }

 public:
  std::int64_t read_timeout_ms = 0;
  std::int64_t write_timeout_ms = 0;
};

class H2StreamTest : public ::testing::Test {
 protected:
  H2StreamTest() : pair_(make_pair(loop_)), peer_(std::move(pair_.peer)) {
    stream_ = net::Stream(std::move(pair_.socket), Side::downstream);
  }
  ~H2StreamTest() override {
    if (session_) {
      session_->one.in.release();
      session_->one.out.release();
      session_->fail(Error{Code::cancelled, Side::self, Retry::never});
    }
    settle(loop_);
    EXPECT_EQ(loop_.background().running(), 0u);
    session_.reset();
    stream_.close();
    loop_.finish();
    EXPECT_EQ(loop_.buffers().leased(), 0u) << "a block is left behind";
  }
  /// The stream is open: a POST whose body is to come.
  void open(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& settings = {}) {
    session_.emplace(stream_, settings_);
    session_->read_timeout_ms = read_timeout_ms_;
    session_->write_timeout_ms = write_timeout_ms_;
    ASSERT_TRUE(session_->start());
    peer_.greet(settings);
    peer_.head(1, h2_request("POST", "/"), false);
    step();
    ASSERT_TRUE(session_->one.open);
  }
  /// What the client has sent is handled, what that makes us say is sent.
  void step() {
    for (int i = 0; i < 3; ++i) {
      session_->read_available();
      settle(loop_);
      peer_.read();
    }
  }
  wire::H2Body& in() { return session_->one.in; }
  wire::H2Output& out() { return session_->one.out; }

  net::Loop loop_;
  Pair pair_;
  H2Peer peer_;
  wire::H2Settings settings_;
  net::Stream stream_;
  std::int64_t read_timeout_ms_ = 0;
  std::int64_t write_timeout_ms_ = 0;
  std::optional<TestSession> session_;
};

}  // namespace postern::test
