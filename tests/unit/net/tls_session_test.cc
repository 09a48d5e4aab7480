// How a session reads, writes and ends, whatever the peer does.
#include "net/tls_session.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <poll.h>

#include <array>
#include <cstring>

#include "unit/net/tls_test_support.h"

namespace postern::net {
namespace {

using test::ClientSide;
using test::Link;
using test::RawClient;
using test::ServerSide;
using test::SocketPair;
using test::TempDir;
using test::TestCa;

struct TlsSessions : testing::Test {
  TlsSessions() { server.add(ca.issue({"a.test"})); }

  Link link() { return {server.build(), client.build()}; }

  TempDir dir;
  TestCa ca;
  ServerSide server{dir};
  ClientSide client{dir, ca.pem()};
};

TEST_F(TlsSessions, CarryBytesBothWays) {
  Link link = this->link();
  ASSERT_TRUE(link.ok());
  EXPECT_EQ(link.server.version(), "TLSv1.3");
  EXPECT_EQ(link.server.cipher(), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(link.echo("hello"), "hello");
  EXPECT_EQ(link.echo(std::string(3000, 'x')), std::string(3000, 'x'));
}

TEST_F(TlsSessions, WriteOneRecordAtATime) {
  Link link = this->link();
  const std::string big(40000, 'y');
  EXPECT_EQ(link.client.write(big).bytes, 16384u);
  EXPECT_EQ(link.client.write(std::string_view()).status, IoStatus::ok);
  EXPECT_EQ(test::read_text(link.server), big.substr(0, 16384));
}

TEST_F(TlsSessions, ReadSeveralRecordsWithOneCall) {
  Link link = this->link();
  link.echo("x");
  for (const char* text : {"one ", "two ", "three"}) ASSERT_TRUE(test::write_text(link.client, text));
  std::array<char, 100> buffer{};
  const IoResult result = link.server.read(buffer);
  EXPECT_EQ(std::string_view(buffer.data(), result.bytes), "one two three");
  EXPECT_FALSE(link.server.has_pending());
  EXPECT_EQ(link.server.read(buffer).status, IoStatus::want_read);
}

TEST_F(TlsSessions, KeepWhatDoesNotFitForTheNextRead) {
  Link link = this->link();
  link.echo("x");
  ASSERT_TRUE(test::write_text(link.client, "abcdef"));
  std::array<char, 4> buffer{};
  EXPECT_EQ(link.server.read(buffer).bytes, 4u);
  EXPECT_TRUE(link.server.has_pending());
  EXPECT_EQ(link.server.read(buffer).bytes, 2u);
  EXPECT_FALSE(link.server.has_pending());
}

// An end in the same flight is out of the descriptor: nobody may wait there for it.
TEST_F(TlsSessions, HaveAnEndThatCameWithDataPending) {
  Link link = this->link();
  link.echo("x");
  ASSERT_TRUE(test::write_text(link.client, "last"));
  link.client.shutdown();
  std::array<char, 64> buffer{};
  ASSERT_EQ(link.server.read(buffer).bytes, 4u);
  const bool seen = (link.server.take_drained(), link.server.has_pending());
  // Either the read took it along, or the descriptor still has it.
  pollfd descriptor{link.sockets.server, POLLIN, 0};
  EXPECT_TRUE(seen || ::poll(&descriptor, 1, 0) == 1);
  EXPECT_EQ(link.server.read(buffer).status, IoStatus::eof);
  EXPECT_TRUE(link.server.has_pending());
}

// The read after a short one must not ask the kernel; bytes that came meanwhile are found after the next wait.
TEST_F(TlsSessions, KnowThatAShortReadDrainedTheSocket) {
  Link link = this->link();
  link.echo("x");
  ASSERT_TRUE(test::write_text(link.client, "first"));
  std::array<char, 64> buffer{};
  ASSERT_EQ(link.server.read(buffer).bytes, 5u);
  ASSERT_TRUE(test::write_text(link.client, "second"));
  EXPECT_EQ(link.server.read(buffer).status, IoStatus::want_read);
  EXPECT_EQ(link.server.read(buffer).bytes, 6u);
}

TEST_F(TlsSessions, TakeAHandshakeByteByByte) {
  SocketPair near_client;
  SocketPair near_server;
  TlsSession session;
  TlsSession peer;
  ASSERT_TRUE(session.accept(server.build(), near_server.server));
  ASSERT_TRUE(peer.connect(client.build(), near_client.client, "a.test", "a.test:443"));
  bool server_done = false;
  bool client_done = false;
  int pauses = 0;
  for (int step = 0; step < 20000 && !(server_done && client_done); ++step) {
    if (!client_done) client_done = peer.handshake().status == IoStatus::ok;
    char byte = 0;
    if (::recv(near_client.server, &byte, 1, MSG_DONTWAIT) == 1) {
      ASSERT_EQ(::send(near_server.client, &byte, 1, 0), 1);
    }
    const IoResult result = server_done ? IoResult{} : session.handshake();
    ASSERT_NE(result.status, IoStatus::error) << session.last_error_text();
    pauses += result.status == IoStatus::want_read;
    server_done = result.status == IoStatus::ok;
    std::array<char, 65536> flight{};
    const ssize_t got = ::recv(near_server.client, flight.data(), flight.size(), MSG_DONTWAIT);
    if (got > 0) {
      ASSERT_EQ(::send(near_client.server, flight.data(), static_cast<std::size_t>(got), 0), got);
    }
  }
  EXPECT_TRUE(server_done && client_done);
  EXPECT_GT(pauses, 200);
}

TEST_F(TlsSessions, TakeRecordsByteByByte) {
  SocketPair near_client;
  SocketPair near_server;
  Link link = this->link();
  ASSERT_TRUE(link.ok());
  link.echo("x");
  ASSERT_TRUE(test::write_text(link.client, "split"));
  std::array<char, 1024> record{};
  const ssize_t size = ::recv(link.sockets.server, record.data(), record.size(), MSG_DONTWAIT);
  ASSERT_GT(size, 5);
  std::array<char, 64> buffer{};
  for (ssize_t i = 0; i < size; ++i) {
    ASSERT_EQ(::send(link.sockets.client, record.data() + i, 1, 0), 1);
    const IoResult result = link.server.read(buffer);
    if (i + 1 < size) {
      ASSERT_EQ(result.status, IoStatus::want_read) << i;
    } else {
      EXPECT_EQ(std::string_view(buffer.data(), result.bytes), "split");
    }
  }
}

TEST_F(TlsSessions, SayWhenTheSocketIsFullAndGoOnLater) {
  Link link = this->link();
  link.echo("x");
  const std::string chunk(16384, 'z');
  std::size_t sent = 0;
  IoResult result = link.client.write(chunk);
  for (; result.status == IoStatus::ok; result = link.client.write(chunk)) sent += result.bytes;
  ASSERT_EQ(result.status, IoStatus::want_write);
  std::size_t received = test::read_text(link.server).size();
  const std::string moved = chunk;  // the same bytes at another place
  result = link.client.write(moved);
  ASSERT_EQ(result.status, IoStatus::ok);
  sent += result.bytes;
  received += test::read_text(link.server).size();
  EXPECT_EQ(received, sent);
}

TEST_F(TlsSessions, TellAnOrderlyEndFromATruncatedOne) {
  std::array<char, 64> buffer{};
  Link orderly = link();
  orderly.echo("x");
  ASSERT_TRUE(test::write_text(orderly.client, "last"));
  EXPECT_EQ(orderly.client.shutdown().status, IoStatus::ok);
  orderly.sockets.close_client();
  EXPECT_EQ(orderly.server.read(buffer).bytes, 4u);
  EXPECT_EQ(orderly.server.read(buffer).status, IoStatus::eof);
  EXPECT_EQ(orderly.server.read(buffer).status, IoStatus::eof);
  EXPECT_FALSE(orderly.server.truncated());

  Link cut = link();
  cut.echo("x");
  ASSERT_TRUE(test::write_text(cut.client, "last"));
  cut.sockets.close_client();
  EXPECT_EQ(cut.server.read(buffer).bytes, 4u);
  EXPECT_EQ(cut.server.read(buffer).status, IoStatus::want_read);
  EXPECT_EQ(cut.server.read(buffer).status, IoStatus::error);
  EXPECT_TRUE(cut.server.truncated());
  EXPECT_EQ(cut.server.last_error_text(), "connection closed without close_notify");
  EXPECT_EQ(cut.server.write("x").status, IoStatus::error);
  EXPECT_EQ(cut.server.shutdown().status, IoStatus::error);
}

TEST_F(TlsSessions, AnswerAfterThePeerSaidItIsDone) {
  Link link = this->link();
  link.echo("x");
  ASSERT_TRUE(test::write_text(link.client, "request"));
  link.client.shutdown();
  EXPECT_EQ(test::read_text(link.server), "request");
  EXPECT_TRUE(test::write_text(link.server, "answer"));
}

TEST_F(TlsSessions, ReportABrokenPipe) {
  Link link = this->link();
  link.echo("x");
  link.sockets.close_client();
  EXPECT_EQ(link.server.write("x").status, IoStatus::error);
  EXPECT_EQ(link.server.failure(), TlsFailure::reset);
}

TEST_F(TlsSessions, RefusePlaintext) {
  for (const char* text :
       {"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "SSH-2.0-OpenSSH\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n"}) {
    SocketPair sockets;
    TlsSession session;
    ASSERT_TRUE(session.accept(server.build(), sockets.server));
    ASSERT_GT(::send(sockets.client, text, std::strlen(text), 0), 0);
    EXPECT_EQ(session.handshake().status, IoStatus::error);
    EXPECT_EQ(session.failure(), TlsFailure::not_tls) << text << session.last_error_text();
    EXPECT_EQ(ERR_peek_error(), 0u);
  }
}

TEST_F(TlsSessions, CountAHangUpInTheHandshake) {
  SocketPair sockets;
  TlsSession session;
  ASSERT_TRUE(session.accept(server.build(), sockets.server));
  EXPECT_EQ(session.handshake().status, IoStatus::want_read);
  sockets.close_client();
  EXPECT_EQ(session.handshake().status, IoStatus::error);
  EXPECT_TRUE(session.truncated());
}

TEST_F(TlsSessions, RefuseDamagedRecords) {
  Link link = this->link();
  link.echo("x");
  ASSERT_TRUE(test::write_text(link.client, "data"));
  std::array<char, 256> record{};
  const ssize_t size = ::recv(link.sockets.server, record.data(), record.size(), MSG_DONTWAIT);
  record[static_cast<std::size_t>(size) - 1] ^= 1;
  ASSERT_EQ(::send(link.sockets.client, record.data(), static_cast<std::size_t>(size), 0), size);
  EXPECT_EQ(link.server.read(record).status, IoStatus::error);
  EXPECT_EQ(link.server.failure(), TlsFailure::protocol);
  EXPECT_EQ(link.server.last_error_text(), "decryption failed or bad record mac");
}

struct TlsAbuse : TlsSessions {
  TlsAbuse() { EXPECT_TRUE(session.accept(server.build(), sockets.server)); }

  bool update_key(RawClient& raw) {
    return SSL_key_update(raw.ssl.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && SSL_do_handshake(raw.ssl.get()) == 1;
  }

  SocketPair sockets;
  TlsSession session;
};

TEST_F(TlsAbuse, AFewKeyUpdatesAreFine) {
  RawClient raw(sockets.client, ca.pem());
  ASSERT_TRUE(raw.shake_hands(session));
  const std::string chunk(16384, 'k');
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(update_key(raw));
    for (int chunks = 0; chunks < 5; ++chunks) {
      ASSERT_EQ(SSL_write(raw.ssl.get(), chunk.data(), static_cast<int>(chunk.size())), 16384);
      ASSERT_EQ(test::read_text(session).size(), chunk.size()) << i << session.last_error_text();
    }
  }
}

TEST_F(TlsAbuse, AFloodOfKeyUpdatesEndsTheConnection) {
  RawClient raw(sockets.client, ca.pem());
  ASSERT_TRUE(raw.shake_hands(session));
  int updates = 0;
  for (; updates < 100 && session.failure() == TlsFailure::none; ++updates) {
    if (!update_key(raw)) break;
    test::read_text(session);
  }
  EXPECT_EQ(session.failure(), TlsFailure::flood);
  EXPECT_GE(updates, 16);
  EXPECT_LE(updates, 20);
}

TEST_F(TlsAbuse, RenegotiationIsRefused) {
  RawClient raw(sockets.client, ca.pem());
  SSL_set_max_proto_version(raw.ssl.get(), TLS1_2_VERSION);
  ASSERT_TRUE(raw.shake_hands(session));
  ASSERT_EQ(SSL_renegotiate(raw.ssl.get()), 1);
  SSL_do_handshake(raw.ssl.get());
  std::array<char, 64> buffer{};
  session.read(buffer);
  session.read(buffer);
  EXPECT_NE(SSL_do_handshake(raw.ssl.get()), 1);
  EXPECT_EQ(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
  ERR_clear_error();
  EXPECT_EQ(session.read(buffer).status, IoStatus::error);  // OpenSSL's client takes the refusal for an end
  EXPECT_EQ(session.failure(), TlsFailure::peer_alert) << session.last_error_text();
}

}  // namespace
}  // namespace postern::net
