// What TLS tests share: an authority of their own, a directory that goes away, and a server and a client at the two
// ends of a socketpair, stepped by hand in one thread.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/settings.h"
#include "crypto/certificate.h"
#include "crypto/library.h"
#include "crypto/openssl_ptr.h"
#include "crypto/ticket_keys.h"
#include "net/tls_client_context.h"
#include "net/tls_server_context.h"
#include "net/tls_session.h"

namespace postern::test {

class TempDir {
 public:
  TempDir();
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string path(const std::string& name) const { return path_ + "/" + name; }
  /// Returns the path.
  std::string write(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

struct Issued {
  crypto::X509Ptr cert;
  crypto::PkeyPtr key;
  std::string cert_pem;
  std::string key_pem;
};

/// A certificate authority for one test.
class TestCa {
 public:
  explicit TestCa(const std::string& name = "test authority");

  /// The common name is the first name; `san` false leaves the extension out.
  Issued issue(const std::vector<std::string>& names, crypto::KeyType type = crypto::KeyType::ecdsa,
               std::chrono::hours life = std::chrono::hours(24), bool san = true);
  const std::string& pem() const { return own_.cert_pem; }
  std::string crl(const std::vector<const X509*>& revoked) const;
  std::string ocsp(const X509* leaf, std::chrono::seconds life = std::chrono::hours(1)) const;

 private:
  Issued own_;
  long serial_ = 1;
};

/// One end each; the constructor makes them non-blocking.
struct SocketPair {
  SocketPair();
  ~SocketPair();
  SocketPair(const SocketPair&) = delete;
  SocketPair& operator=(const SocketPair&) = delete;
  void close_client();

  int server = -1;
  int client = -1;
};

/// A server context from files, one certificate, intermediate preset; change `settings` before build().
struct ServerSide {
  explicit ServerSide(const TempDir& dir) : dir_(dir) {}

  void add(const Issued& issued, const std::string& ocsp = {});
  /// Throws with the messages when the material does not load.
  std::shared_ptr<const net::TlsServerContext> build();

  config::ServerTls settings;
  std::shared_ptr<crypto::TicketKeys> tickets =
      std::make_shared<crypto::TicketKeys>(std::chrono::hours(1), std::chrono::steady_clock::time_point{});
  crypto::Library library;

 private:
  const TempDir& dir_;
  int files_ = 0;
};

struct ClientSide {
  ClientSide(const TempDir& dir, const std::string& ca_pem);
  std::shared_ptr<net::TlsClientContext> build();

  config::UpstreamTls settings;
  crypto::Library library;
};

/// Steps both until both are done or one failed; returns true when both are done.
bool shake_hands(net::TlsSession& server, net::TlsSession& client);

/// A pair of connected sessions; ok() after a good handshake. `host` is what the client asks for.
struct Link {
  Link(std::shared_ptr<const net::TlsServerContext> server_context,
       std::shared_ptr<net::TlsClientContext> client_context, const std::string& host = "a.test");
  bool ok() const { return ok_; }
  /// Client to server and back; what arrived back.
  std::string echo(const std::string& text);

  SocketPair sockets;
  net::TlsSession server;
  net::TlsSession client;

 private:
  bool ok_ = false;
};

/// A client that may do what TlsSession never would.
struct RawClient {
  RawClient(int fd, const std::string& ca_pem);
  /// Steps both sides; true when both are done.
  bool shake_hands(net::TlsSession& server);

  crypto::SslCtxPtr context;
  crypto::SslPtr ssl;
};

std::string read_text(net::TlsSession& from);
bool write_text(net::TlsSession& to, std::string_view text);

}  // namespace postern::test
