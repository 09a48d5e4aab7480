// See server.h. One accept coroutine and one coroutine per connection, all on the control thread. A connection reads
// a request head (bodies are refused), answers, and goes on until its turn count or time is up.
#include "admin/server.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/version.hpp>
#include <chrono>
#include <list>
#include <map>
#include <utility>

#include "admin/listen.h"
#include "base/log.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 sees Asio's frame allocator inlined on one side only and takes the pair for a mismatch.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace postern::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

using Executor = asio::io_context::executor_type;
using Protocol = asio::generic::stream_protocol;
using Socket = asio::basic_stream_socket<Protocol, Executor>;
using Acceptor = asio::basic_socket_acceptor<Protocol, Executor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
using Stream = beast::basic_stream<Protocol, Executor>;
using Nothing = asio::awaitable<void, Executor>;
using HttpReply = http::response<http::string_body>;

constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> kTuple{asio::use_awaitable_t<Executor>{}};
constexpr std::chrono::seconds kReadTimeout{10};
constexpr std::chrono::seconds kWriteTimeout{30};
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::uint32_t kMaxHead = 8192;
constexpr int kMaxTurns = 1000;

/// What co_spawn reports to. Coroutines here end by themselves; anything thrown is a bug, and said.
struct Ended {
  void operator()(const std::exception_ptr& failure) const noexcept {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& what) {
      log::error("admin: connection failed", {{"error", what.what()}});
    } catch (...) {
      log::error("admin: connection failed");
    }
  }
};

std::string_view view(beast::string_view text) noexcept { return {text.data(), text.size()}; }

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Server::Impl> {
 public:
  explicit Impl(asio::io_context& io) : io_(io), acceptor_(io), pause_(io), spare_fd_(open_spare()) {}
  ~Impl() {
    if (spare_fd_ >= 0) ::close(spare_fd_);
  }

  void add(std::string method, std::string path, Handler handler) {
    table_[std::move(path)][std::move(method)] = std::move(handler);
  }
  void listen(const std::string& text, int inherited);
  int descriptor() { return address_ && acceptor_.is_open() ? acceptor_.native_handle() : -1; }
  void leave() noexcept;
  void stop() noexcept;
  [[nodiscard]] std::string address() const { return address_ ? to_string(*address_) : std::string(); }

 private:
  /// Keeps a connection's stream in streams_ for stop(), as long as its coroutine lives.
  class Entry {
   public:
    Entry(Impl& impl, Socket socket)
        : impl_(impl), place_(impl.streams_.emplace(impl.streams_.end(), std::move(socket))) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() {
      impl_.streams_.erase(place_);
      impl_.restore_spare();
    }
    Stream& stream() noexcept { return *place_; }

   private:
    Impl& impl_;
    std::list<Stream>::iterator place_;
  };

  static int open_spare() noexcept { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
  void restore_spare() noexcept {
    if (spare_fd_ < 0) spare_fd_ = open_spare();
  }

  // Coroutines hold the Impl by value: they may outlive the Server.
  static Nothing accept_all(std::shared_ptr<Impl> impl);
  static Nothing serve(std::shared_ptr<Impl> impl, Socket socket);
  void accepted(Socket socket);
  HttpReply answer(const http::request<http::empty_body>& request);
  Reply dispatch(const http::request<http::empty_body>& request, std::string& allow);

  asio::io_context& io_;
  Acceptor acceptor_;
  Timer pause_;
  std::optional<SocketAddress> address_;
  std::map<std::string, std::map<std::string, Handler, std::less<>>, std::less<>> table_;  // path, method
  std::list<Stream> streams_;
  int spare_fd_;  // given up for one accept when descriptors have run out: the admin must answer then of all times
  bool leaving_ = false;
  bool stopped_ = false;
};

void Server::Impl::listen(const std::string& text, int inherited) {
  std::optional<SocketAddress> address = parse_address(text);
  if (!address) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument), "admin listen " + text);
  }
  const int fd = inherited >= 0 ? inherited : open_listener(*address);
  acceptor_.assign(Protocol(address->storage.ss_family, 0), fd);
  address_ = std::move(address);
  asio::co_spawn(io_.get_executor(), accept_all(shared_from_this()), Ended{});
}

void Server::Impl::stop() noexcept {
  if (std::exchange(stopped_, true)) return;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  for (Stream& stream : streams_) stream.close();
  if (!leaving_ && address_ && !address_->unix_path.empty()) ::unlink(address_->unix_path.c_str());
}

void Server::Impl::leave() noexcept {
  leaving_ = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
}

Nothing Server::Impl::accept_all(std::shared_ptr<Impl> impl) {
  while (!impl->stopped_ && !impl->leaving_) {
    Socket socket(impl->io_);
    auto [failure] = co_await impl->acceptor_.async_accept(socket, kTuple);
    if (impl->stopped_ || (failure && impl->leaving_)) break;
    if (!failure) {
      impl->accepted(std::move(socket));
      continue;
    }
    const bool is_out_of_fds = failure == boost::system::errc::too_many_files_open ||
                               failure == boost::system::errc::too_many_files_open_in_system;
    if (is_out_of_fds && impl->spare_fd_ >= 0) {
      ::close(std::exchange(impl->spare_fd_, -1));
      continue;
    }
    impl->pause_.expires_after(kAcceptPause);
    co_await impl->pause_.async_wait(kTuple);
  }
}

void Server::Impl::accepted(Socket socket) {
  if (streams_.size() >= kMaxConnections) return;  // closes it
  asio::co_spawn(io_.get_executor(), serve(shared_from_this(), std::move(socket)), Ended{});
}

Nothing Server::Impl::serve(std::shared_ptr<Impl> impl, Socket socket) {
  Entry entry(*impl, std::move(socket));
  Stream& stream = entry.stream();
  beast::flat_buffer buffer(kMaxHead + 1024);
  for (int turn = 0; turn < kMaxTurns; ++turn) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(kMaxHead);
    stream.expires_after(kReadTimeout);
    auto [read_failure, bytes_read] = co_await http::async_read_header(stream, buffer, parser, kTuple);
    if (impl->stopped_ || read_failure == http::error::end_of_stream || read_failure == beast::error::timeout) break;
    HttpReply reply;
    if (read_failure) {
      if (read_failure.category() != make_error_code(http::error::bad_method).category()) break;
      reply.result(http::status::bad_request);
      reply.keep_alive(false);
    } else {
      reply = impl->answer(parser.get());
      if (turn + 1 == kMaxTurns || impl->leaving_) reply.keep_alive(false);
    }
    reply.prepare_payload();
    if (!read_failure && parser.get().method() == http::verb::head) reply.body().clear();
    const bool goes_on = reply.keep_alive();
    http::response_serializer<http::string_body> serializer(reply);
    serializer.split(!read_failure && parser.get().method() == http::verb::head);
    stream.expires_after(kWriteTimeout);
    if (serializer.split()) {
      auto [write_failure, written] = co_await http::async_write_header(stream, serializer, kTuple);
      if (write_failure) break;
    } else {
      auto [write_failure, written] = co_await http::async_write(stream, serializer, kTuple);
      if (write_failure) break;
    }
    if (!goes_on || impl->stopped_) break;
  }
  boost::system::error_code ignored;
  stream.socket().shutdown(Socket::shutdown_send, ignored);
}

HttpReply Server::Impl::answer(const http::request<http::empty_body>& request) {
  std::string allow;
  Reply made;
  bool has_body = request.has_content_length() || request.count(http::field::transfer_encoding) != 0;
  if (request.has_content_length() && request[http::field::content_length] == "0") has_body = false;
  if (has_body) {
    made = Reply{413, "no body is expected here\n"};
  } else {
    try {
      made = dispatch(request, allow);
    } catch (const std::exception& failure) {
      log::error("admin: handler failed", {{"target", view(request.target())}, {"error", failure.what()}});
      made = Reply{500, "internal error\n"};
    }
  }
  HttpReply reply(static_cast<http::status>(made.status), request.version());
  reply.set(http::field::content_type, made.content_type);
  reply.set(http::field::cache_control, "no-store");
  reply.set("X-Content-Type-Options", "nosniff");
  if (!allow.empty()) reply.set(http::field::allow, allow);
  reply.keep_alive(request.keep_alive() && !has_body);
  reply.body() = std::move(made.body);
  return reply;
}

Reply Server::Impl::dispatch(const http::request<http::empty_body>& request, std::string& allow) {
  const std::string_view target = view(request.target());
  const std::size_t mark = std::min(target.find('?'), target.size());
  const Request plain{view(request.method_string()), target.substr(0, mark),
                      target.substr(std::min(mark + 1, target.size()))};
  const auto entry = table_.find(plain.path);
  if (entry == table_.end()) return {404, "not found\n"};
  const auto& methods = entry->second;
  const auto handler = methods.find(plain.method == "HEAD" ? std::string_view("GET") : plain.method);
  if (handler != methods.end()) return handler->second(plain);
  for (const auto& [method, unused] : methods) {
    allow.append(allow.empty() ? "" : ", ").append(method);
    if (method == "GET") allow += ", HEAD";
  }
  return {405, "method not allowed\n"};
}

Server::Server(asio::io_context& io) : impl_(std::make_shared<Impl>(io)) {}

Server::~Server() { stop(); }

void Server::add(std::string method, std::string path, Handler handler) {
  impl_->add(std::move(method), std::move(path), std::move(handler));
}

void Server::listen(const std::string& address, int inherited) { impl_->listen(address, inherited); }

int Server::descriptor() const noexcept { return impl_->descriptor(); }

void Server::leave() noexcept { impl_->leave(); }

std::string Server::address() const { return impl_->address(); }

void Server::stop() noexcept { impl_->stop(); }

}  // namespace postern::admin
