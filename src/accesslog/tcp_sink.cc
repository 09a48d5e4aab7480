// See tcp_sink.h.
#include "accesslog/tcp_sink.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <ctime>
#include <iterator>
#include <new>
#include <utility>

namespace postern::accesslog {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;

std::int64_t unix_now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

TcpSink::TcpSink(std::vector<net::SocketAddress> peers, std::unique_ptr<MessageFrame> frame)
    : socket_(std::move(peers), SOCK_STREAM), frame_(std::move(frame)) {}

LineSink::Outcome TcpSink::write(std::string_view& lines) noexcept {
  while (!lines.empty()) {
    if (socket_.fd() >= 0 && sent_ == out_.size() && has_ended()) {
      socket_.fail(ECONNRESET);
      forget();
    }
    switch (socket_.find()) {
      case PeerSocket::State::ready:
        break;
      case PeerSocket::State::connecting:
        return Outcome::blocked;
      case PeerSocket::State::down:
        return Outcome::unavailable;
    }
    try {
      if (sent_ == out_.size()) fill(lines);
    } catch (const std::bad_alloc&) {
      forget();
      errno = ENOMEM;
      return Outcome::failed;
    }
    const Outcome outcome = send(lines);
    if (outcome != Outcome::done) return outcome;
  }
  return Outcome::done;
}

void TcpSink::fill(std::string_view lines) {
  forget();
  frame_->render(severity_, unix_now());
  const std::string_view prefix = frame_->prefix();
  while (!lines.empty() && out_.size() < kPiece) {
    const std::size_t length = lines.find('\n');
    fmt::format_to(std::back_inserter(out_), "{} ", prefix.size() + length);
    out_.append(prefix).append(lines, 0, length);
    messages_.push_back({out_.size(), length + 1});
    lines.remove_prefix(length + 1);
  }
}

LineSink::Outcome TcpSink::send(std::string_view& lines) noexcept {
  const ssize_t n = ::send(socket_.fd(), out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n < 0) {
    if (errno == EINTR) return Outcome::done;
    if (errno == EAGAIN) return Outcome::blocked;
    socket_.fail(errno);
    forget();
    return Outcome::unavailable;
  }
  sent_ += static_cast<std::size_t>(n);
  for (; first_ < messages_.size() && messages_[first_].end <= sent_; ++first_) {
    lines.remove_prefix(messages_[first_].line);
  }
  return Outcome::done;
}

bool TcpSink::has_ended() const noexcept {
  char byte;
  const ssize_t n = ::recv(socket_.fd(), &byte, 1, MSG_DONTWAIT | MSG_PEEK);
  return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN);
}

void TcpSink::forget() noexcept {
  out_.clear();
  messages_.clear();
  sent_ = first_ = 0;
}

}  // namespace postern::accesslog
