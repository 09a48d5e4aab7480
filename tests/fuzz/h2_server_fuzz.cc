// What a client may send to an HTTP/2 server: a real H2Server at one end of a socket pair, the input at the other.
// The handler does what the path says, so that the input drives both directions. The first byte says how the input is
// cut into reads (a byte at a time, or as it stands) and whether the client reads what it is answered.
// Whatever comes, the server ends when its client has gone, and nothing of it is left behind.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/h2_server.h"

namespace {

using namespace postern;

class Handler final : public RequestHandler {
 public:
  explicit Handler(net::Loop& loop) : loop_(loop) {}

  Task<void> serve(Exchange& exchange) override {
    const std::string_view path = exchange.request().path;
    check(exchange.request());
    switch (path.size() > 1 ? path[1] : 'f') {
      case 'a':
        exchange.abort(Error{Code::internal, Side::self, Retry::never});
        break;
      case 's':  // nothing at all
        break;
      case 'y':  // others first
        co_await loop_.yield();
        co_await answer(exchange, 200, "later");
        break;
      case 'e':
        co_await echo(exchange);
        break;
      case 'l':
        co_await answer(exchange, 200, large());
        break;
      default:
        co_await answer(exchange, 200, "fixed");
        break;
    }
  }
  Task<void> reject(Exchange& exchange, std::uint16_t status, const char* reason) override {
    co_await answer(exchange, status, reason);
  }

 private:
  static std::string_view large() {
    static const std::string text(300'000, 'x');
    return text;
  }
  /// Nothing that another wire could take for framing ever gets this far.
  static void check(const http::RequestHead& head) {
    for (const std::string_view text : {head.method_token, head.authority, head.path, head.query})
      if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) std::abort();
    for (std::size_t i = 0; i < head.fields.size(); ++i) {
      const http::Field field = head.fields[i];
      if (field.name.empty() || field.name.find_first_of(std::string_view("\r\n\0: ", 5)) != std::string_view::npos)
        std::abort();
      if (field.value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) std::abort();
      if (field.id == http::FieldId::transfer_encoding || field.id == http::FieldId::connection) std::abort();
    }
  }
  static Task<void> answer(Exchange& exchange, std::uint16_t status, std::string_view text) {
    http::ResponseHead head;
    head.status = status;
    head.framing = http::Framing::length;
    head.content_length = text.size();
    exchange.start_response(head);
    BodySink& sink = exchange.response_body();
    sink.put(text);
    co_await end(exchange, nullptr);
  }
  static Task<void> end(Exchange& exchange, const http::Fields* trailers) {
    BodySink& sink = exchange.response_body();
    if (sink.wants_flush()) {
      const Result<void> flushed = co_await sink.flush();
      if (!flushed) exchange.abort(flushed.error());
      if (!flushed) co_return;
    }
    sink.finish(trailers);
    const Result<void> flushed = co_await sink.flush();
    if (!flushed) exchange.abort(flushed.error());
  }
  static Task<void> echo(Exchange& exchange) {
    http::ResponseHead head;
    head.status = 200;
    head.framing = http::Framing::chunked;
    exchange.start_response(head);
    const http::RequestHead& request = exchange.request();
    BodySource& body = exchange.request_body();
    const Result<void> moved = co_await pump(body, exchange.response_body());
    if (!moved) {
      exchange.abort(moved.error());
      co_return;
    }
    if (request.framing == http::Framing::length && body.received() != request.content_length) std::abort();
    co_await end(exchange, &body.trailers());
  }

  net::Loop& loop_;
};

struct Silent final : wire::H2Observer {
  void on_h2_event(wire::H2Event) noexcept override {}
};

void settle(net::Loop& loop) {
  loop.run_deferred();
  for (int i = 0; i < 100; ++i) {
    if (loop.io().stopped()) loop.io().restart();
    if (loop.io().poll_one() == 0) return;
    loop.run_deferred();
  }
}

void swallow(int fd) {
  static char scrap[65536];
  while (::recv(fd, scrap, sizeof scrap, MSG_DONTWAIT) > 0) {
  }
}

/// One loop for all inputs: a core serves many connections, and what one leaves behind meets the next.
struct World {
  net::Loop loop;
  wire::H2ExchangePool exchanges;
  Handler handler{loop};
  Silent observer;
  Peer peer;
  wire::H1Settings common;
  wire::H2Settings settings;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World& world = *new World;
  if (size < 1) return 0;
  const std::uint8_t how = data[0];
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  world.settings.max_streams = (how & 4) != 0 ? 2 : 100;
  world.common.max_body = (how & 8) != 0 ? 16 : 0;
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) return 0;
  {
    net::Stream stream(net::Socket(world.loop, fds[0]), Side::downstream);
    wire::H2Server server(stream, world.peer, world.common, world.settings, world.handler, world.exchanges,
                          world.observer);
    TaskGroup running(world.loop.frames());
    running.start(server.run());
    settle(world.loop);
    const std::size_t piece = (how & 1) != 0 ? 1 + how / 32 : rest.size();
    for (std::size_t turn = 0; !rest.empty(); ++turn) {
      const ssize_t sent = ::send(fds[1], rest.data(), std::min(piece, rest.size()), MSG_NOSIGNAL);
      if (sent <= 0 && turn > 100) break;
      if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
      settle(world.loop);
      if ((how & 2) == 0) swallow(fds[1]);
      if (sent <= 0 && running.running() == 0) break;
    }
    settle(world.loop);
    if ((how & 16) != 0) server.drain();
    settle(world.loop);
    ::close(fds[1]);
    for (int i = 0; i < 1000 && running.running() > 0; ++i) settle(world.loop);
    if (running.running() > 0) std::abort();  // it does not end
    stream.close();
  }
  settle(world.loop);
  if (world.loop.buffers().leased() != 0) std::abort();  // something of it is left behind
  return 0;
}
