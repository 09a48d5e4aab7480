// See http_client.h.
#include "net/http_client.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "http/field.h"
#include "net/connect.h"
#include "net/public_address.h"
#include "net/resolve.h"
#include "net/tls_client_context.h"
#include "net/tls_session.h"

namespace postern::net {

namespace beast_http = boost::beast::http;

namespace {
constexpr std::size_t kPiece = 16 * 1024;
}  // namespace

std::string_view HttpResponse::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : fields) {
    if (http::iequals(key, name)) return value;
  }
  return {};
}

/// The answer while it comes.
class HttpClient::Answer {
 public:
  Answer(const Options& options, bool is_head) {
    parser_.body_limit(options.max_body);
    parser_.header_limit(options.max_head);
    parser_.skip(is_head);
    parser_.eager(true);
  }

  [[nodiscard]] bool is_done() const { return parser_.is_done(); }
  [[nodiscard]] bool keeps_alive() const { return parser_.keep_alive(); }
  [[nodiscard]] bool is_interim() const {
    return parser_.is_done() && parser_.get().result_int() < 200 && parser_.get().result_int() != 101;
  }

  Result<void> add(std::span<const char> bytes) {
    pending_.append(bytes.data(), bytes.size());
    while (!pending_.empty() && !parser_.is_done()) {
      boost::system::error_code error;
      const std::size_t used = parser_.put(boost::asio::buffer(pending_), error);
      pending_.erase(0, used);
      if (error == beast_http::error::need_more) break;
      if (error) return failure(error);
    }
    return boost::system::in_place_value;
  }

  /// The peer has closed: the end of a body without length, or the end too soon.
  Result<void> end() {
    boost::system::error_code error;
    if (!parser_.got_some()) return Error{Code::closed, Side::upstream, Retry::if_reused};
    parser_.put_eof(error);
    if (error) return Error{Code::closed, Side::upstream, Retry::never};
    return boost::system::in_place_value;
  }

  HttpResponse take() {
    HttpResponse response;
    auto& message = parser_.get();
    response.status = message.result_int();
    for (const auto& field : message) response.fields.emplace_back(field.name_string(), field.value());
    response.body = std::move(message.body());
    return response;
  }

  std::string take_rest() { return std::move(pending_); }

 private:
  static Error failure(const boost::system::error_code& error) {
    const bool too_large = error == beast_http::error::body_limit || error == beast_http::error::header_limit ||
                           error == beast_http::error::buffer_overflow;
    return {too_large ? Code::too_large : Code::malformed, Side::upstream, Retry::never};
  }

  beast_http::response_parser<beast_http::string_body> parser_;
  std::string pending_;
};

HttpClient::HttpClient(Loop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      deadline_([](void* self) noexcept { static_cast<HttpClient*>(self)->on_timeout(); }, this) {}

HttpClient::~HttpClient() = default;

Task<Result<HttpResponse>> HttpClient::fetch(const HttpRequest& request) {
  if (cancelled_) co_return error_of({});
  timed_out_ = false;
  due_ms_ = coarse_now_ms() + options_.timeout_ms;
  loop_.set_timer(deadline_, options_.timeout_ms);
  const bool kept = stream_.is_open();
  Result<HttpResponse> response = co_await exchange(request);
  const bool stale = !response && kept && !answered_ && !timed_out_ && !cancelled_;
  if (stale && request.may_repeat) response = co_await exchange(request);
  deadline_.clear();
  if (!response) {
    close();
    co_return error_of(response.error());
  }
  co_return response;
}

Task<Result<HttpResponse>> HttpClient::exchange(const HttpRequest& request) {
  answered_ = false;
  if (!stream_.is_open()) {
    const Result<void> connected = co_await connect();
    if (!connected) {
      close();
      co_return connected.error();
    }
  }
  const std::string head = head_of(request);
  Result<void> sent = co_await stream_.write_all(head, options_.timeout_ms);
  if (sent && !request.body.empty()) sent = co_await stream_.write_all(request.body, options_.timeout_ms);
  // A server may have answered and closed before it read all: its answer says more than the failed write.
  answer_ = std::make_unique<Answer>(options_, request.method == "HEAD");
  const auto piece = std::make_unique<std::array<char, kPiece>>();
  while (!answer_->is_done()) {
    const Result<std::size_t> got = co_await stream_.read_some(*piece, options_.timeout_ms);
    if (got) {
      answered_ = true;
      const Result<void> added = answer_->add({piece->data(), *got});
      if (!added) co_return added.error();
      if (answer_->is_interim()) {
        const std::string rest = answer_->take_rest();
        answer_ = std::make_unique<Answer>(options_, request.method == "HEAD");
        const Result<void> more = answer_->add(rest);
        if (!more) co_return more.error();
      }
      continue;
    }
    if (got.error().code != Code::closed) {
      close();
      co_return sent ? got.error() : sent.error();
    }
    const Result<void> ended = answer_->end();
    close();
    if (!ended) co_return ended.error();
  }
  HttpResponse response = answer_->take();
  if (!sent || !options_.keep_alive || !answer_->keeps_alive()) close();
  co_return response;
}

Task<Result<void>> HttpClient::connect() {
  if (cancelled_) co_return Error{Code::cancelled, Side::self, Retry::never};
  std::vector<SocketAddress> addresses =
      co_await resolve(loop_, options_.origin.host, options_.origin.port, due_ms_ - coarse_now_ms(), cancelled_);
  // What is checked is what is connected to: the name is not looked up again.
  const auto avoid = [](const SocketAddress& address) { return !is_public(to_address(address)); };
  if (options_.public_only) avoided_ = std::erase_if(addresses, avoid) != 0;
  Error last{Code::unreachable, Side::upstream, Retry::always};
  for (const SocketAddress& address : addresses) {
    const std::int64_t left = due_ms_ - coarse_now_ms();
    if (left <= 0 || timed_out_ || cancelled_) break;
    // Half of what is left for all but the last: a dead address must not take the time of a good one.
    const std::int64_t share = &address == &addresses.back() ? left : (left + 1) / 2;
    const Result<void> opened = co_await open(address, share);
    if (!opened) {
      last = opened.error();
      close();
      continue;
    }
    if (!options_.origin.is_secure) co_return Result<void>();
    co_return co_await secure();
  }
  co_return last;
}

/// The socket stands in stream_ while it connects, where cancel() reaches it.
Task<Result<void>> HttpClient::open(const SocketAddress& address, std::int64_t timeout_ms) {
  Result<Connecting> begun = start_connect(loop_, address);
  if (!begun) co_return begun.error();
  stream_ = Stream(std::move(begun->socket), Side::upstream);
  if (!begun->is_pending) co_return Result<void>();
  const Waited waited = co_await stream_.wait(IoStatus::want_write, timeout_ms);
  if (waited != Waited::ready) co_return stream_.error_of(waited);
  co_return finish_connect(stream_.socket());
}

Task<Result<void>> HttpClient::secure() {
  if (!options_.tls) co_return Error{Code::tls, Side::upstream, Retry::never};  // never plain instead
  auto session = std::make_unique<TlsSession>();
  TlsSession& tls = *session;
  const std::string name = options_.origin.host + ':' + std::to_string(options_.origin.port);
  if (!tls.connect(options_.tls, stream_.socket().fd(), options_.origin.host, name)) {
    co_return Error{Code::exhausted, Side::upstream, Retry::never};
  }
  stream_.start_tls(std::move(session));
  const Result<void> done = co_await stream_.handshake(std::max<std::int64_t>(due_ms_ - coarse_now_ms(), 1));
  if (!done && done.error().code == Code::tls) tls_error_ = stream_.tls()->last_error_text();
  co_return done;
}

std::string HttpClient::head_of(const HttpRequest& request) const {
  std::string head = request.method + ' ' + (request.target.empty() ? options_.origin.target : request.target) +
                     " HTTP/1.1\r\nHost: " + options_.origin.authority + "\r\nUser-Agent: postern\r\n";
  for (const auto& [name, value] : request.fields) head.append(name).append(": ").append(value).append("\r\n");
  if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD")) {
    head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  if (!options_.keep_alive) head += "Connection: close\r\n";
  return head += "\r\n";
}

Error HttpClient::error_of(Error error) const noexcept {
  if (cancelled_) return {Code::cancelled, Side::self, Retry::never};
  if (timed_out_) return {Code::timeout, Side::upstream, Retry::always};
  return error;
}

void HttpClient::on_timeout() noexcept {
  timed_out_ = true;
  if (stream_.is_open()) stream_.cancel();
}

void HttpClient::cancel() noexcept {
  cancelled_ = true;
  if (stream_.is_open()) stream_.cancel();
}

void HttpClient::close() noexcept {
  if (stream_.is_open()) stream_.close();
}

}  // namespace postern::net
