// A small HTTP/1.1 client for what postern itself has to ask: a trace collector, keys of an identity provider, secrets.
// One origin, one request at a time, on a loop off the request path (it allocates, and parses with Beast). TLS is
// verified as TlsClientContext is told; redirects are not followed; answers are bounded in size and time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/task.h"
#include "config/share.h"
#include "net/loop.h"
#include "net/socket_address.h"
#include "net/stream.h"

namespace postern::net {

class TlsClientContext;

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string target;  // empty: the origin's
  HttpFields fields;   // besides Host, Content-Length and User-Agent
  std::string body;
  bool may_repeat = true;  // over a new connection, when a kept one turns out to be closed
};

struct HttpResponse {
  unsigned status = 0;
  HttpFields fields;
  std::string body;

  /// The first of that name, in any case; empty: none.
  [[nodiscard]] std::string_view find(std::string_view name) const noexcept;
};

class HttpClient {
 public:
  struct Options {
    config::HttpUrl origin;
    std::shared_ptr<TlsClientContext> tls;  // needed where the origin is secure
    std::int64_t timeout_ms = 10'000;       // for all of it: name, connection, TLS, answer
    std::size_t max_body = std::size_t{1} << 20;
    std::uint32_t max_head = 64 * 1024;
    bool keep_alive = true;
    bool public_only = false;  // connect to addresses of the public internet only, whatever the name says
  };

  HttpClient(Loop& loop, Options options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Code::timeout, ::refused, ::unreachable, ::tls, ::closed, ::reset, ::malformed, ::too_large, ::cancelled.
  Task<Result<HttpResponse>> fetch(const HttpRequest& request);
  /// Ends a fetch() that waits, with Code::cancelled; later ones fail at once.
  void cancel() noexcept;
  /// What TLS disliked about the peer, after Code::tls.
  [[nodiscard]] const std::string& tls_error() const noexcept { return tls_error_; }
  /// Whether an address of the last fetch() was left out because it is not public.
  [[nodiscard]] bool has_avoided_address() const noexcept { return avoided_; }
  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  class Answer;

  Task<Result<HttpResponse>> exchange(const HttpRequest& request);
  Task<Result<void>> connect();
  Task<Result<void>> open(const SocketAddress& address, std::int64_t timeout_ms);
  Task<Result<void>> secure();
  [[nodiscard]] std::string head_of(const HttpRequest& request) const;
  [[nodiscard]] Error error_of(Error error) const noexcept;
  void on_timeout() noexcept;
  void close() noexcept;

  Loop& loop_;
  const Options options_;
  Stream stream_;
  std::unique_ptr<Answer> answer_;
  std::string tls_error_;
  Timer deadline_;
  std::int64_t due_ms_ = 0;
  bool answered_ = false;  // bytes of this answer have come
  bool timed_out_ = false;
  bool cancelled_ = false;
  bool avoided_ = false;
};

}  // namespace postern::net
