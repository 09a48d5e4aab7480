// An HTTP server that answers requests with the next text of a list, on a thread of its own; plain, blocking, port 0.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace postern::test {

class ScriptedServer {
 public:
  /// After the last answer the list's last one is repeated. An answer "" closes the connection without one, "wait" says
  /// nothing until the end. "{port}" becomes the server's.
  explicit ScriptedServer(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&where), size) != 0 || ::listen(listener_, 16) != 0) std::abort();
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    for (std::string& answer : answers_) {
      const std::size_t at = answer.find("{port}");
      if (at != std::string::npos) answer.replace(at, 6, std::to_string(port_));
    }
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedServer() {
    stopping_ = true;
    thread_.join();
    ::close(listener_);
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  /// What has come so far, head and body of each.
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  /// Waits until as many requests have come; false: they do not.
  bool await_requests(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(5), [&] { return requests_.size() >= count; });
  }

 private:
  bool readable(int fd) const {
    while (!stopping_) {
      pollfd poll_fd{fd, POLLIN, 0};
      if (::poll(&poll_fd, 1, 10) > 0) return true;
    }
    return false;
  }

  void serve() {
    while (readable(listener_)) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      ++connections_;
      while (answer(fd)) {
      }
      ::close(fd);
    }
  }

  bool answer(int fd) {
    std::string request;
    std::size_t whole = std::string::npos;
    while (request.size() < whole) {
      char space[65536];
      if (!readable(fd)) return false;
      const ssize_t got = ::recv(fd, space, sizeof space, 0);
      if (got <= 0) return false;
      request.append(space, static_cast<std::size_t>(got));
      const std::size_t head = request.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const std::size_t length = request.find("Content-Length: ");
      whole = head + 4 + (length < head ? std::strtoul(request.c_str() + length + 16, nullptr, 10) : 0);
    }
    std::string text;
    {
      const std::lock_guard lock(mutex_);
      text = answers_[std::min(requests_.size(), answers_.size() - 1)];
      requests_.push_back(request);
    }
    changed_.notify_all();
    if (text == "wait") {
      readable(-1);
      return false;
    }
    if (text.empty() || ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) < 0) return false;
    return text.find("Connection: close") == std::string::npos;
  }

  std::vector<std::string> answers_;  // as they are once the thread runs
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::mutex mutex_;  // guards requests_
  std::condition_variable changed_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace postern::test
