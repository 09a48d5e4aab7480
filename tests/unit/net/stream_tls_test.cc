// A TLS stream whose session and descriptor must agree on whether something is left to read.
#include <gtest/gtest.h>

#include "net/stream.h"
#include "net/tls_session.h"
#include "unit/net/loop_support.h"
#include "unit/net/tls_test_support.h"

namespace postern::net {
namespace {

Task<Result<void>> shake(Loop&, Stream& stream) {
  const Result<void> done = co_await stream.handshake(2'000);
  co_return done;
}

Task<IoResult> read_when_reported(Loop&, Stream& stream, std::span<char> into) {
  const Waited waited = co_await stream.wait(IoStatus::want_read, 2'000);
  EXPECT_EQ(waited, Waited::ready);
  co_return stream.read(into);
}

// The handshake's last read found the descriptor empty. What is reported after that must be read, not taken for stale:
// an upstream's answer once waited for the next report, which did not come.
TEST(StreamTls, ReadsWhatIsReportedAfterTheHandshake) {
  const test::TempDir dir;
  test::TestCa ca;
  test::ServerSide server_side(dir);
  server_side.add(ca.issue({"a.test"}));
  test::ClientSide client_side(dir, ca.pem());
  const auto server_context = server_side.build();
  const auto client_context = client_side.build();

  Loop loop;
  test::SocketPair sockets;
  TlsSession server;
  ASSERT_TRUE(server.accept(server_context, sockets.server));
  Stream stream(Socket(loop, ::dup(sockets.client)), Side::upstream);
  auto session = std::make_unique<TlsSession>();
  ASSERT_TRUE(session->connect(client_context, stream.socket().fd(), "a.test", "a.test:1"));
  stream.start_tls(std::move(session));

  test::Running<Result<void>> handshake(loop, shake(loop, stream));
  bool served = false;
  ASSERT_TRUE(test::drive(loop, [&] {
    if (!served) served = server.handshake().status == IoStatus::ok;
    return served && handshake.done();
  }));
  ASSERT_TRUE(handshake.get());

  std::array<char, 16> space{};
  test::Running<IoResult> reading(loop, read_when_reported(loop, stream, space));
  ASSERT_EQ(server.write(std::string_view("hello")).status, IoStatus::ok);
  const IoResult got = reading.get();
  EXPECT_EQ(got.status, IoStatus::ok);
  EXPECT_EQ(std::string_view(space.data(), got.bytes), "hello");
  stream.close();
  loop.finish();
}

}  // namespace
}  // namespace postern::net
