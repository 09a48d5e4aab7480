// A real core on its own thread, an origin for it, and a blocking client: for tests of the whole path in one process.
// Everything listens on 127.0.0.1 with a port that the kernel chose. Ends by drain, so that nothing is left behind.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "accesslog/access_log.h"
#include "config/load.h"
#include "metrics/registry.h"
#include "net/socket_address.h"
#include "server/build.h"
#include "server/core.h"
#include "server/listen_sockets.h"
#include "trace/exporter.h"
#include "unit/net/loop_support.h"

namespace postern::test {

inline std::uint16_t port_of(int fd) { return net::to_address(net::local_of(fd)).port; }

/// What comes next; empty at the end, on an error and when patience is over.
inline std::string receive(int fd) {
  char block[16384];
  ssize_t n;
  do n = ::recv(fd, block, sizeof block, 0);
  while (n < 0 && errno == EINTR);
  return std::string(block, n > 0 ? static_cast<std::size_t>(n) : 0);
}

/// Answers every request alike on as many connections as come; reads Content-Length and chunked bodies. One thread.
class Origin {
 public:
  explicit Origin(std::string answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto any = net::ip_address("127.0.0.1", 0);
    if (::bind(listener_, any->get(), any->size) != 0 || ::listen(listener_, 64) != 0)
      throw std::runtime_error("origin");
    if (::pipe(stop_) != 0) throw std::runtime_error("pipe");
    thread_ = std::thread([this] { run(); });
  }
  ~Origin() {
    ::close(stop_[1]);
    thread_.join();
    ::close(stop_[0]);
    ::close(listener_);
  }
  [[nodiscard]] std::uint16_t port() const { return port_of(listener_); }

 private:
  void run() {
    std::map<int, std::string> open;
    for (bool running = true; running;) {
      std::vector<pollfd> set{{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
      for (const auto& [fd, bytes] : open) set.push_back({fd, POLLIN, 0});
      ::poll(set.data(), set.size(), -1);
      running = set[0].revents == 0;
      if (set[1].revents) open[::accept(listener_, nullptr, nullptr)];
      for (std::size_t i = 2; i < set.size(); ++i) {
        if (set[i].revents && !serve(set[i].fd, open[set[i].fd])) {
          ::close(set[i].fd);
          open.erase(set[i].fd);
        }
      }
    }
    for (const auto& [fd, bytes] : open) ::close(fd);
  }
  bool serve(int fd, std::string& bytes) {
    const std::string more = receive(fd);
    if (more.empty()) return false;
    bytes += more;
    while (const std::size_t length = request_length(bytes)) {
      bytes.erase(0, length);
      if (::send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL) < 0) return false;
    }
    return true;
  }
  /// 0: not whole yet.
  static std::size_t request_length(const std::string& bytes) {
    const std::size_t head = bytes.find("\r\n\r\n");
    if (head == std::string::npos) return 0;
    const std::size_t body = head + 4;
    if (bytes.find("Transfer-Encoding: chunked") < head) {
      const std::size_t end = bytes.find("0\r\n\r\n", body);  // postern drops trailers that no route lists
      return end == std::string::npos ? 0 : end + 5;
    }
    const std::size_t field = bytes.find("Content-Length: ");
    const std::size_t length = field < head ? std::stoul(bytes.substr(field + 16)) : 0;
    return bytes.size() < body + length ? 0 : body + length;
  }

  const std::string answer_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  std::thread thread_;
};

/// A blocking keep-alive connection; gives up after two seconds without a byte.
class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{2, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const auto address = net::ip_address("127.0.0.1", port);
    connected_ = ::connect(fd_, address->get(), address->size) == 0;
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  ~Client() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] bool connected() const { return connected_; }

  bool send(std::string_view bytes) {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  /// One answer with a Content-Length, head and body; what there was of it when the connection ended before.
  std::string read_answer() {
    for (;;) {
      const std::size_t head = unread_.find("\r\n\r\n");
      if (head != std::string::npos) {
        const std::size_t field = unread_.find("Content-Length: ");
        const std::size_t length = head + 4 + (field < head ? std::stoul(unread_.substr(field + 16)) : 0);
        if (unread_.size() >= length) {
          std::string answer = unread_.substr(0, length);
          unread_.erase(0, length);
          return answer;
        }
      }
      const std::string more = receive(fd_);
      if (more.empty()) return std::exchange(unread_, {});
      unread_ += more;
    }
  }
  /// What is there, or comes next; empty at the end.
  std::string read_some() { return unread_.empty() ? receive(fd_) : std::exchange(unread_, {}); }
  std::string ask(std::string_view request) { return send(request) ? read_answer() : "cannot send"; }

 private:
  int fd_;
  bool connected_ = false;
  std::string unread_;
};

/// One core with what the daemon gives it. The config has one listener, "a", on port 0.
class RunningCore {
 public:
  explicit RunningCore(const std::string& config, net::Engine engine = net::Engine::epoll)
      : builder_(registry_),
        log_({"/dev/null", accesslog::Format::json, 4096}, registry_),
        metrics_(registry_.add_core()),
        exporter_(registry_, trace::Exporter::kDefaultQueue),
        core_(0, engine, metrics_, log_.add_core(metrics_), &exporter_.add_core(metrics_)) {
    server::Install install;
    install.snapshot = snapshot_of(config);
    const server::ListenSockets sockets = server::open_listener(install.snapshot->settings.listeners.at(0), 1);
    if (!sockets.error.empty()) throw std::runtime_error(sockets.error);
    port_ = port_of(sockets.fds.at(0));
    install.opened.push_back({0, sockets.fds.at(0)});
    log_.start();
    core_.post_install(std::move(install));
    core_.start();
  }
  ~RunningCore() {
    std::promise<void> drained;
    core_.post_drain([&] { drained.set_value(); });
    core_.post_cut();
    drained.get_future().wait();
    core_.post_stop();
    core_.join();
  }
  /// As a reload does it: the listener stays as it is.
  void install(const std::string& config) {
    server::Install install;
    install.snapshot = snapshot_of(config);
    core_.post_install(std::move(install));
  }
  /// What was posted before has happened.
  void settle() {
    std::promise<void> done;
    core_.loop().post([&] { done.set_value(); });
    done.get_future().wait();
  }
  template <class F>
  void run_on_core(F f) {
    std::promise<void> done;
    core_.loop().post([&] {
      f();
      done.set_value();
    });
    done.get_future().wait();
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  server::Core& core() { return core_; }
  metrics::CoreMetrics& metrics() { return metrics_; }

 private:
  std::shared_ptr<const proxy::Snapshot> snapshot_of(const std::string& config) {
    const config::LoadResult loaded = config::load(config, "test.toml", {});
    std::vector<config::Diagnostic> diagnostics = loaded.diagnostics;
    std::shared_ptr<const proxy::Snapshot> snapshot;
    if (loaded.ok())
      snapshot = builder_.build(loaded, 1, server::SnapshotBuilder::OnBadCertificate::refuse, diagnostics);
    if (!snapshot) throw std::runtime_error(config::to_string(diagnostics.at(0)));
    builder_.accepted(snapshot);
    return snapshot;
  }

  metrics::MetricsRegistry registry_;
  server::SnapshotBuilder builder_;
  accesslog::AccessLog log_;
  metrics::CoreMetrics& metrics_;
  trace::Exporter exporter_;  // without a collector: spans stay in the ring
  server::Core core_;
  std::uint16_t port_ = 0;
};

inline std::string forwarding_config(std::uint16_t origin, const std::string& more = {}) {
  return "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\n"
         "[[upstream]]\nname = \"u\"\nendpoints = [\"127.0.0.1:" +
         std::to_string(origin) +
         "\"]\n"
         "[[route]]\nname = \"r\"\npath = \"/*\"\nforward = \"u\"\n" +
         more;
}

}  // namespace postern::test
