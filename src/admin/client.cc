// See client.h.
#include "admin/client.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>

#include "admin/address.h"

namespace postern::admin {
namespace {

constexpr std::size_t kMaxAnswer = std::size_t{16} << 20;

using Clock = std::chrono::steady_clock;

Error failed(Code code) noexcept { return {code, Side::upstream, Retry::never}; }

class Connection {
 public:
  Connection(const SocketAddress& address, Clock::time_point deadline)
      : fd_(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), deadline_(deadline) {}
  ~Connection() {
    if (fd_ >= 0) ::close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<void> connect(const SocketAddress& address) {
    if (fd_ < 0) return failed(Code::exhausted);
    if (::connect(fd_, address.get(), address.length) == 0) return boost::system::in_place_value;
    if (errno != EINPROGRESS)
      return failed(errno == ECONNREFUSED || errno == ENOENT ? Code::refused : Code::unreachable);
    if (!wait(POLLOUT)) return failed(Code::timeout);
    int failure = 0;
    socklen_t length = sizeof failure;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &failure, &length);
    if (failure != 0) return failed(failure == ECONNREFUSED ? Code::refused : Code::unreachable);
    return boost::system::in_place_value;
  }

  Result<void> send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno != EINTR && errno != EAGAIN) {
        return failed(Code::reset);
      } else if (!wait(POLLOUT)) {
        return failed(Code::timeout);
      }
    }
    return boost::system::in_place_value;
  }

  /// Until the other side closes.
  Result<std::string> read_all() {
    std::string text;
    std::array<char, 16384> part;
    for (;;) {
      const ssize_t n = ::recv(fd_, part.data(), part.size(), 0);
      if (n == 0) return text;
      if (n > 0) {
        text.append(part.data(), static_cast<std::size_t>(n));
        if (text.size() > kMaxAnswer) return failed(Code::too_large);
      } else if (errno != EINTR && errno != EAGAIN) {
        return failed(Code::reset);
      } else if (!wait(POLLIN)) {
        return failed(Code::timeout);
      }
    }
  }

 private:
  bool wait(short events) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    pollfd poll_fd{fd_, events, 0};
    return left > 0 && (::poll(&poll_fd, 1, static_cast<int>(left)) > 0 || errno == EINTR);
  }

  const int fd_;
  const Clock::time_point deadline_;
};

/// HTTP/1.x 200 ...\r\n, fields, body to the end: the server closes, as the request asks.
Result<Answer> parse_answer(std::string text) {
  Answer answer;
  const std::size_t body = text.find("\r\n\r\n");
  if (body == std::string::npos || !text.starts_with("HTTP/1.") || text.size() < 12) return failed(Code::malformed);
  const auto [end, failure] = std::from_chars(text.data() + 9, text.data() + 12, answer.status);
  if (failure != std::errc{} || end != text.data() + 12) return failed(Code::malformed);
  answer.body = text.substr(body + 4);
  return answer;
}

}  // namespace

Result<Answer> get(const std::string& address, std::string_view path, std::chrono::milliseconds timeout) {
  return ask(address, "GET", path, timeout);
}

Result<Answer> ask(const std::string& address, std::string_view method, std::string_view path,
                   std::chrono::milliseconds timeout) {
  const std::optional<SocketAddress> where = parse_address(address);
  if (!where) return failed(Code::unreachable);
  Connection connection(*where, Clock::now() + timeout);
  const Result<void> connected = connection.connect(*where);
  if (!connected) return connected.error();
  const std::string request =
      std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const Result<void> sent = connection.send(request);
  if (!sent) return sent.error();
  Result<std::string> text = connection.read_all();
  if (!text) return text.error();
  return parse_answer(std::move(*text));
}

int health(const std::string& address, std::string_view path, std::chrono::milliseconds timeout) {
  const Result<Answer> answer = get(address, path, timeout);
  if (answer && answer->status == 200) return 0;
  std::string line = "postern: " + address + ' ' + std::string(path) + ": ";
  if (answer) {
    line += std::to_string(answer->status) + ' ' + answer->body.substr(0, answer->body.find('\n'));
  } else {
    line += "no answer: " + std::string(to_string(answer.error().code));
  }
  std::fprintf(stderr, "%s\n", line.c_str());
  return 1;
}

}  // namespace postern::admin
