// What an upstream's TLS settings do: whom it believes, what it shows, when it resumes.
#include <gtest/gtest.h>

#include "unit/net/tls_test_support.h"

namespace postern::net {
namespace {

using test::ClientSide;
using test::Link;
using test::ServerSide;
using test::SocketPair;
using test::TempDir;
using test::TestCa;

struct TlsClient : testing::Test {
  TempDir dir;
  TestCa ca;
  ServerSide server{dir};
  ClientSide client{dir, ca.pem()};
};

TEST_F(TlsClient, BelievesTheNameItAskedFor) {
  server.add(ca.issue({"a.test", "127.0.0.1", "::1", "*.w.test"}));
  const auto context = server.build();
  for (const char* host : {"a.test", "A.TEST", "a.test.", "127.0.0.1", "::1", "[::1]", "x.w.test"}) {
    Link link(context, client.build(), host);
    EXPECT_TRUE(link.ok()) << host << link.client.last_error_text();
  }
  for (const char* host : {"b.test", "x.a.test", "127.0.0.2", "y.x.w.test", "w.test"}) {
    Link link(context, client.build(), host);
    EXPECT_FALSE(link.ok()) << host;
    EXPECT_EQ(link.client.failure(), TlsFailure::verify);
    EXPECT_EQ(link.server.failure(), TlsFailure::peer_alert);
    const std::string_view text = link.client.last_error_text();
    EXPECT_TRUE(text == "hostname mismatch" || text == "IP address mismatch") << text;
  }
}

TEST_F(TlsClient, SendsNoSniForAnAddress) {
  server.add(ca.issue({"127.0.0.1"}));
  Link link(server.build(), client.build(), "127.0.0.1");
  ASSERT_TRUE(link.ok());
  EXPECT_EQ(link.server.sni(), "");
}

TEST_F(TlsClient, AsksForTheConfiguredName) {
  server.add(ca.issue({"real.test"}));
  client.settings.sni = "real.test";
  Link link(server.build(), client.build(), "10.1.2.3");
  ASSERT_TRUE(link.ok()) << link.client.last_error_text();
  EXPECT_EQ(link.server.sni(), "real.test");
}

TEST_F(TlsClient, RefusesAnotherAuthority) {
  TestCa stranger("stranger");
  server.add(stranger.issue({"a.test"}));
  Link link(server.build(), client.build());
  EXPECT_EQ(link.client.failure(), TlsFailure::verify);
  client.settings.verify = false;
  Link careless(server.build(), client.build());
  EXPECT_TRUE(careless.ok());
  EXPECT_EQ(careless.client.peer_certificate(), nullptr);
}

TEST_F(TlsClient, RefusesAnExpiredCertificate) {
  server.add(ca.issue({"a.test"}, crypto::KeyType::ecdsa, std::chrono::hours(-1)));
  Link link(server.build(), client.build());
  EXPECT_EQ(link.client.last_error_text(), "certificate has expired");
}

TEST_F(TlsClient, TrustsTheSystemByDefault) {
  server.add(ca.issue({"a.test"}));
  client.settings.ca.clear();
  Link link(server.build(), client.build());
  EXPECT_EQ(link.client.failure(), TlsFailure::verify);
}

TEST_F(TlsClient, DoesNotStartWithoutANameToVerify) {
  const SocketPair sockets;
  TlsSession session;
  EXPECT_FALSE(session.connect(client.build(), sockets.client, "", "unix:/run/x.sock"));
  EXPECT_EQ(session.failure(), TlsFailure::verify);
  EXPECT_EQ(session.last_error_text(), "no server name to verify");
}

TEST_F(TlsClient, KeepsOneSessionPerEndpoint) {
  server.add(ca.issue({"a.test", "b.test"}));
  const auto context = server.build();
  const auto upstream = client.build();
  Link(context, upstream, "a.test").echo("x");
  Link other(context, upstream, "b.test");
  ASSERT_TRUE(other.ok());
  EXPECT_FALSE(other.client.resumed());
  Link again(context, upstream, "a.test");
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again.client.resumed());
}

TEST_F(TlsClient, ShakesHandsAnewWhenTheServerForgot) {
  server.add(ca.issue({"a.test"}));
  const auto upstream = client.build();
  Link(server.build(), upstream).echo("x");
  server.tickets = std::make_shared<crypto::TicketKeys>(std::chrono::hours(1), crypto::TicketKeys::TimePoint{});
  Link link(server.build(), upstream);
  ASSERT_TRUE(link.ok());
  EXPECT_FALSE(link.client.resumed());
}

TEST_F(TlsClient, PlaintextAnswerIsAFailure) {
  SocketPair sockets;
  TlsSession session;
  ASSERT_TRUE(session.connect(client.build(), sockets.client, "a.test", "a.test:443"));
  EXPECT_EQ(session.handshake().status, IoStatus::want_read);
  const std::string_view text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  ASSERT_GT(::send(sockets.server, text.data(), text.size(), 0), 0);
  EXPECT_EQ(session.handshake().status, IoStatus::error);
  EXPECT_EQ(session.failure(), TlsFailure::not_tls);
}

}  // namespace
}  // namespace postern::net
