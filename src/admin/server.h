// The admin endpoint: a small HTTP/1.1 server on the control thread's io_context for /metrics, /healthz, /readyz and
// whatever later is added to its table. Bounded in connections, sizes and time. Not for the outside: no TLS, no
// identity.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace postern::admin {

struct Request {
  std::string_view method;
  std::string_view path;
  std::string_view query;  // without '?'
};

struct Reply {
  unsigned status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

/// Runs on the control thread, start to end; an exception becomes a bare 500.
using Handler = std::function<Reply(const Request&)>;

/// Control thread only, from construction to destruction.
class Server {
 public:
  static constexpr std::size_t kMaxConnections = 64;

  explicit Server(boost::asio::io_context& io);
  ~Server();  // as stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Another endpoint; GET serves HEAD as well. Before or after listen().
  void add(std::string method, std::string path, Handler handler);

  /// "127.0.0.1:9180", "[::1]:9180", "localhost:9180" or "unix:/path" (mode 0660; a dead socket file is replaced).
  /// Throws std::system_error whose text names the address. `inherited` listens there already; ours from now on.
  void listen(const std::string& address, int inherited = -1);
  /// The listening descriptor, for a successor; -1 before listen().
  [[nodiscard]] int descriptor() const noexcept;
  /// A successor listens: takes no more connections, lets those that are here finish, and leaves the socket's file.
  void leave() noexcept;
  /// Where it listens, with the port that port 0 became; empty before listen().
  [[nodiscard]] std::string address() const;

  /// Closes the listener and every connection. Nothing runs afterwards; what the io_context still holds is harmless.
  void stop() noexcept;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // shared with connections' coroutines, which may end after the server
};

}  // namespace postern::admin
