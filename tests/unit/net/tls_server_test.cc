// What a listener's TLS settings do: certificates by name and key type, presets, tickets, client certificates, staples.
#include <gtest/gtest.h>

#include <thread>

#include "crypto/openssl_error.h"
#include "unit/net/tls_test_support.h"

namespace postern::net {
namespace {

using namespace std::chrono_literals;
using crypto::KeyType;
using test::ClientSide;
using test::Issued;
using test::Link;
using test::RawClient;
using test::ServerSide;
using test::SocketPair;
using test::TempDir;
using test::TestCa;

struct TlsServer : testing::Test {
  std::string presented_to(const std::string& host) {
    Link link(server.build(), client.build(), host);
    if (!link.ok()) return std::string(link.client.last_error_text());
    return crypto::names_of(link.client.peer_certificate()).front();
  }

  TempDir dir;
  TestCa ca;
  ServerSide server{dir};
  ClientSide client{dir, ca.pem()};
};

TEST_F(TlsServer, PicksTheCertificateByName) {
  server.add(ca.issue({"a.test"}));
  server.add(ca.issue({"b.test", "*.b.test"}));
  server.add(ca.issue({"x.b.test"}));
  EXPECT_EQ(presented_to("a.test"), "a.test");
  EXPECT_EQ(presented_to("B.test"), "b.test");
  EXPECT_EQ(presented_to("y.b.test"), "b.test");
  EXPECT_EQ(presented_to("x.b.test"), "x.b.test");
  client.settings.verify = false;
  Link unknown(server.build(), client.build(), "nobody.test");
  ASSERT_TRUE(unknown.ok());
  EXPECT_EQ(unknown.server.sni(), "nobody.test");
  Link deep(server.build(), client.build(), "z.y.b.test");  // a wildcard covers one label
  ASSERT_TRUE(deep.ok());
}

TEST_F(TlsServer, KnowsWhichHostsShareACertificate) {
  server.add(ca.issue({"a.test", "aa.test"}));
  server.add(ca.issue({"*.b.test"}));
  const auto context = server.build();
  EXPECT_TRUE(context->same_certificate("a.test", "aa.test:8443"));
  EXPECT_TRUE(context->same_certificate("x.b.test", "Y.B.test"));
  EXPECT_FALSE(context->same_certificate("a.test", "x.b.test"));
  EXPECT_FALSE(context->same_certificate("x.b.test", "unknown.test"));
  EXPECT_TRUE(context->same_certificate("", "x.b.test"));
  Link link(context, client.build(), "a.test");
  ASSERT_TRUE(link.ok());
  EXPECT_TRUE(link.server.same_certificate("a.test"));
  EXPECT_FALSE(link.server.same_certificate("q.b.test"));
}

TEST_F(TlsServer, ServesRsaAndEcdsaForOneName) {
  server.add(ca.issue({"a.test"}, KeyType::rsa));
  server.add(ca.issue({"a.test"}, KeyType::ecdsa));
  const auto context = server.build();
  for (const auto& [algorithms, type] :
       {std::pair("ECDSA+SHA256:RSA-PSS+SHA256", KeyType::ecdsa),
        std::pair("RSA-PSS+SHA256:ECDSA+SHA256", KeyType::ecdsa), std::pair("RSA-PSS+SHA256", KeyType::rsa)}) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      SocketPair sockets;
      TlsSession session;
      ASSERT_TRUE(session.accept(context, sockets.server));
      RawClient raw(sockets.client, ca.pem());
      SSL_set_max_proto_version(raw.ssl.get(), version);
      ASSERT_EQ(SSL_set1_sigalgs_list(raw.ssl.get(), algorithms), 1);
      ASSERT_TRUE(raw.shake_hands(session)) << session.last_error_text();
      EXPECT_EQ(crypto::key_type_of(SSL_get0_peer_certificate(raw.ssl.get())), type) << algorithms;
    }
  }
}

TEST_F(TlsServer, ModernRefusesTls12) {
  server.add(ca.issue({"a.test"}));
  server.settings.preset = config::TlsPreset::modern;
  SocketPair sockets;
  TlsSession session;
  ASSERT_TRUE(session.accept(server.build(), sockets.server));
  RawClient raw(sockets.client, ca.pem());
  SSL_set_max_proto_version(raw.ssl.get(), TLS1_2_VERSION);
  EXPECT_FALSE(raw.shake_hands(session));
  EXPECT_EQ(session.failure(), TlsFailure::version);
  EXPECT_EQ(session.last_error_text(), "unsupported protocol");
}

TEST_F(TlsServer, IntermediateTakesTls12AndNothingOlder) {
  server.add(ca.issue({"a.test"}));
  const auto context = server.build();
  for (const int version : {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
    SocketPair sockets;
    TlsSession session;
    ASSERT_TRUE(session.accept(context, sockets.server));
    RawClient raw(sockets.client, ca.pem());
    SSL_set_security_level(raw.ssl.get(), 0);
    SSL_set_min_proto_version(raw.ssl.get(), version);
    SSL_set_max_proto_version(raw.ssl.get(), version);
    EXPECT_EQ(raw.shake_hands(session), version != TLS1_1_VERSION);
    if (version == TLS1_2_VERSION) {
      EXPECT_EQ(session.version(), "TLSv1.2");
    }
  }
}

TEST_F(TlsServer, RefusesCiphersWithoutForwardSecrecy) {
  server.add(ca.issue({"a.test"}, KeyType::rsa));
  SocketPair sockets;
  TlsSession session;
  ASSERT_TRUE(session.accept(server.build(), sockets.server));
  RawClient raw(sockets.client, ca.pem());
  SSL_set_max_proto_version(raw.ssl.get(), TLS1_2_VERSION);
  SSL_set_cipher_list(raw.ssl.get(), "AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA");
  EXPECT_FALSE(raw.shake_hands(session));
  EXPECT_EQ(session.failure(), TlsFailure::cipher);
}

TEST_F(TlsServer, AgreesOnAProtocolOrSaysSo) {
  server.add(ca.issue({"a.test"}));
  server.settings.alpn = {"h2", "http/1.1"};
  const auto context = server.build();
  Link link(context, client.build());
  ASSERT_TRUE(link.ok());
  EXPECT_EQ(link.server.alpn(), "http/1.1");
  EXPECT_EQ(link.client.alpn(), "http/1.1");
  for (const bool offers : {false, true}) {
    SocketPair sockets;
    TlsSession session;
    ASSERT_TRUE(session.accept(context, sockets.server));
    RawClient raw(sockets.client, ca.pem());
    const unsigned char offer[] = {3, 'f', 'o', 'o'};
    if (offers) SSL_set_alpn_protos(raw.ssl.get(), offer, sizeof(offer));
    EXPECT_EQ(raw.shake_hands(session), !offers);
    EXPECT_EQ(session.failure(), offers ? TlsFailure::alpn : TlsFailure::none);
    EXPECT_EQ(session.alpn(), "");
  }
}

TEST_F(TlsServer, ResumesOnEveryCoreAndAfterAReload) {
  server.add(ca.issue({"a.test"}));
  const auto upstream = client.build();
  Link first(server.build(), upstream);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(first.server.resumed());
  EXPECT_EQ(first.echo("x"), "x");
  ServerSide other(dir);  // another core: its own library and contexts, the same ticket keys
  other.settings = server.settings;
  other.tickets = server.tickets;
  for (int i = 0; i < 3; ++i) {  // each resumption brings the next ticket
    Link again(other.build(), upstream);
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again.server.resumed()) << i;
    EXPECT_TRUE(again.client.resumed());
    EXPECT_EQ(again.server.sni(), "a.test");
    EXPECT_EQ(again.echo("y"), "y");
  }
}

TEST_F(TlsServer, ResumesTls12) {
  server.add(ca.issue({"a.test"}));
  const auto context = server.build();
  crypto::SslSessionPtr kept;
  for (const bool resumed : {false, true}) {
    SocketPair sockets;
    TlsSession session;
    ASSERT_TRUE(session.accept(context, sockets.server));
    RawClient raw(sockets.client, ca.pem());
    SSL_set_max_proto_version(raw.ssl.get(), TLS1_2_VERSION);
    if (kept) SSL_set_session(raw.ssl.get(), kept.get());
    ASSERT_TRUE(raw.shake_hands(session));
    EXPECT_EQ(session.resumed(), resumed);
    kept.reset(SSL_get1_session(raw.ssl.get()));
    SSL_shutdown(raw.ssl.get());
  }
}

TEST_F(TlsServer, ForgetsTicketsAfterThreeRotations) {
  server.add(ca.issue({"a.test"}));
  const auto context = server.build();
  const auto upstream = client.build();
  Link(context, upstream).echo("x");
  const crypto::TicketKeys::TimePoint start{};
  server.tickets->rotate(start + 1h);
  server.tickets->rotate(start + 2h);
  {
    Link old(context, upstream);  // its new ticket is left unread
    EXPECT_TRUE(old.server.resumed());
  }
  Link(context, upstream).echo("x");
  server.tickets->rotate(start + 3h);
  server.tickets->rotate(start + 4h);
  server.tickets->rotate(start + 5h);
  Link gone(context, upstream);
  ASSERT_TRUE(gone.ok());
  EXPECT_FALSE(gone.server.resumed());
}

TEST_F(TlsServer, DoesNotResumeUnderOtherClientRules) {
  const Issued issued = ca.issue({"a.test"});
  server.add(issued);
  const auto upstream = client.build();
  Link(server.build(), upstream).echo("x");
  server.settings.client_auth = config::ClientAuth::required;
  server.settings.client_ca = dir.write("clients.pem", ca.pem());
  Link again(server.build(), upstream);
  again.echo("x");
  EXPECT_FALSE(again.server.resumed());
  EXPECT_EQ(again.server.failure(), TlsFailure::no_certificate);
}

TEST_F(TlsServer, StaplesTheAnswerForTheCertificateInUse) {
  const Issued first = ca.issue({"a.test"}, KeyType::rsa);
  const Issued second = ca.issue({"a.test"}, KeyType::ecdsa);
  const Issued stale = ca.issue({"old.test"}, KeyType::ecdsa);
  server.add(first);
  server.add(second, ca.ocsp(second.cert.get()));
  server.add(stale, ca.ocsp(stale.cert.get(), -60s));
  const auto context = server.build();
  for (const auto& [name, algorithms, stapled] :
       {std::tuple("a.test", "ECDSA+SHA256", true), std::tuple("a.test", "RSA-PSS+SHA256", false),
        std::tuple("old.test", "ECDSA+SHA256", false)}) {
    SocketPair sockets;
    TlsSession session;
    ASSERT_TRUE(session.accept(context, sockets.server));
    RawClient raw(sockets.client, ca.pem());
    SSL_set_tlsext_host_name(raw.ssl.get(), name);
    SSL_set_tlsext_status_type(raw.ssl.get(), TLSEXT_STATUSTYPE_ocsp);
    SSL_set1_sigalgs_list(raw.ssl.get(), algorithms);
    ASSERT_TRUE(raw.shake_hands(session));
    const unsigned char* response = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(raw.ssl.get(), &response);
    EXPECT_EQ(size > 0, stapled) << name << algorithms;
  }
}

struct TlsClientAuth : TlsServer {
  TlsClientAuth() {
    server.add(ca.issue({"a.test"}));
    server.settings.client_ca = dir.write("clients.pem", clients.pem());
    server.settings.client_auth = config::ClientAuth::required;
  }

  void show(const Issued& issued) {
    client.settings.cert = dir.write("client.pem", issued.cert_pem);
    client.settings.key = dir.write("client.key", issued.key_pem);
  }

  TestCa clients{"client authority"};
};

TEST_F(TlsClientAuth, RequiredWantsACertificate) {
  Link link(server.build(), client.build());
  EXPECT_EQ(link.server.failure(), TlsFailure::no_certificate);
  char byte = 0;
  EXPECT_EQ(link.client.read({&byte, 1}).status, IoStatus::want_read);  // TLS 1.3: the client thought it was done
  EXPECT_EQ(link.client.read({&byte, 1}).status, IoStatus::error);
  EXPECT_EQ(link.client.failure(), TlsFailure::peer_alert);
  EXPECT_EQ(link.client.last_error_text(), "tlsv13 alert certificate required");
}

TEST_F(TlsClientAuth, ShowsTheVerifiedPeer) {
  show(clients.issue({"user.test"}));
  const auto context = server.build();
  const auto upstream = client.build();
  for (const bool resumed : {false, true}) {
    Link link(context, upstream);
    ASSERT_TRUE(link.ok()) << link.server.last_error_text();
    EXPECT_EQ(link.server.resumed(), resumed);
    ASSERT_NE(link.server.peer_certificate(), nullptr);
    EXPECT_EQ(crypto::names_of(link.server.peer_certificate()).front(), "user.test");
    EXPECT_EQ(link.echo("x"), "x");
  }
}

TEST_F(TlsClientAuth, OptionalTakesNoneButNotABadOne) {
  server.settings.client_auth = config::ClientAuth::optional;
  const auto context = server.build();
  Link none(context, client.build());
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none.server.peer_certificate(), nullptr);
  show(ca.issue({"user.test"}));  // the wrong authority
  Link bad(context, client.build());
  EXPECT_EQ(bad.server.failure(), TlsFailure::verify);
  EXPECT_NE(bad.server.last_error_text().find("issuer"), std::string::npos) << bad.server.last_error_text();
}

TEST_F(TlsClientAuth, RefusesAnExpiredOne) {
  show(clients.issue({"user.test"}, KeyType::ecdsa, -1h));
  Link link(server.build(), client.build());
  EXPECT_EQ(link.server.failure(), TlsFailure::verify);
  EXPECT_EQ(link.server.last_error_text(), "certificate has expired");
}

TEST_F(TlsClientAuth, RefusesARevokedOne) {
  const Issued good = clients.issue({"good.test"});
  const Issued bad = clients.issue({"bad.test"});
  server.settings.client_crl = dir.write("crl.pem", clients.crl({bad.cert.get()}));
  const auto context = server.build();
  show(good);
  EXPECT_TRUE(Link(context, client.build()).ok());
  show(bad);
  Link link(context, client.build());
  EXPECT_EQ(link.server.failure(), TlsFailure::verify);
  EXPECT_EQ(link.server.last_error_text(), "certificate revoked");
}

TEST_F(TlsClientAuth, ARevocationEndsResumption) {
  const Issued user = clients.issue({"user.test"});
  server.settings.client_crl = dir.write("crl.pem", clients.crl({}));
  show(user);
  const auto upstream = client.build();
  Link(server.build(), upstream).echo("x");
  dir.write("crl.pem", clients.crl({user.cert.get()}));
  Link link(server.build(), upstream);
  EXPECT_FALSE(link.server.resumed());
  EXPECT_EQ(link.server.last_error_text(), "certificate revoked");
}

TEST_F(TlsServer, MaterialListsEveryError) {
  server.add(ca.issue({"a.test"}));
  server.settings.certificates.push_back({dir.path("missing.pem"), dir.path("missing.key"), {}});
  server.settings.certificates.push_back({server.settings.certificates[0].cert, client.settings.ca, {}});
  server.settings.client_auth = config::ClientAuth::required;
  const LoadedTls loaded = TlsMaterial::load("listener public", server.settings);
  EXPECT_EQ(loaded.material, nullptr);
  ASSERT_EQ(loaded.errors.size(), 3u);
  EXPECT_NE(loaded.errors[0].find("missing.pem: No such file or directory"), std::string::npos);
  EXPECT_NE(loaded.errors[1].find("no private key in"), std::string::npos) << loaded.errors[1];
  EXPECT_EQ(loaded.errors[2], "listener public: client certificates cannot be checked without client_ca");
  EXPECT_EQ(tls_files(server.settings).size(), 5u);
}

// The ThreadSanitizer build runs it: contexts of two cores share nothing but the ticket keys.
TEST_F(TlsServer, CoresHandshakeAtOnceWhileKeysRotate) {
  server.add(ca.issue({"a.test"}));
  const auto one_core = [this](int* resumed) {
    ServerSide mine(dir);
    mine.settings = server.settings;
    mine.tickets = server.tickets;
    const TempDir own;  // both write a ca.pem
    ClientSide upstream_side(own, ca.pem());
    const auto context = mine.build();
    const auto upstream = upstream_side.build();
    for (int i = 0; i < 20; ++i) {
      Link link(context, upstream);
      if (link.ok() && link.echo("x") == "x") *resumed += link.server.resumed();
    }
    mine.library.leave_thread();
    upstream_side.library.leave_thread();
  };
  int first = 0;
  int second = 0;
  std::thread a(one_core, &first);
  std::thread b(one_core, &second);
  for (int i = 1; i < 20; ++i) server.tickets->rotate(crypto::TicketKeys::TimePoint{} + i * 1h);
  a.join();
  b.join();
  EXPECT_GT(first + second, 0);
}

}  // namespace
}  // namespace postern::net
