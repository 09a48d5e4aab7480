#include "unit/net/tls_test_support.h"

#include <fcntl.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include <sys/stat.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <stdexcept>

namespace postern::test {
namespace {

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

void must(bool held) {
  if (!held) throw std::runtime_error("OpenSSL failed in a test's preparation");
}

crypto::PkeyPtr make_key(crypto::KeyType type) {
  if (type == crypto::KeyType::rsa) {
    return crypto::PkeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(2048)));
  }
  if (type == crypto::KeyType::ed25519) return crypto::PkeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  return crypto::PkeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
}

void add_extension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  must(extension != nullptr && X509_add_ext(cert, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

Issued start_certificate(const std::string& common_name, crypto::KeyType type, long serial, std::chrono::hours life) {
  Issued issued{crypto::X509Ptr(X509_new()), make_key(type), {}, {}};
  X509* cert = issued.cert.get();
  X509_set_version(cert, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
  X509_gmtime_adj(X509_getm_notBefore(cert), -48 * 3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), static_cast<long>(life.count()) * 3600);
  X509_set_pubkey(cert, issued.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  return issued;
}

void finish_certificate(Issued& issued, EVP_PKEY* signer) {
  const bool bare = EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519;
  must(X509_sign(issued.cert.get(), signer, bare ? nullptr : EVP_sha256()) > 0);
  const crypto::BioPtr cert(BIO_new(BIO_s_mem()));
  const crypto::BioPtr key(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(cert.get(), issued.cert.get());
  PEM_write_bio_PrivateKey(key.get(), issued.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  issued.cert_pem = text_of(cert.get());
  issued.key_pem = text_of(key.get());
}

bool is_address(const std::string& name) { return name.find_first_not_of("0123456789.:") == std::string::npos; }

}  // namespace

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "postern-test-XXXXXX").string();
  must(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

std::string TempDir::write(const std::string& name, const std::string& text) const {
  std::ofstream(path(name), std::ios::binary | std::ios::trunc) << text;
  ::chmod(path(name).c_str(), 0600);
  return path(name);
}

TestCa::TestCa(const std::string& name) {
  own_ = start_certificate(name, crypto::KeyType::ecdsa, serial_++, std::chrono::hours(240));
  X509* cert = own_.cert.get();
  X509_set_issuer_name(cert, X509_get_subject_name(cert));
  add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature");
  finish_certificate(own_, own_.key.get());
}

Issued TestCa::issue(const std::vector<std::string>& names, crypto::KeyType type, std::chrono::hours life, bool san) {
  Issued issued = start_certificate(names.front(), type, serial_++, life);
  X509* cert = issued.cert.get();
  X509_set_issuer_name(cert, X509_get_subject_name(own_.cert.get()));
  std::string alternatives;
  for (const std::string& name : names) {
    alternatives += (alternatives.empty() ? "" : ",") + std::string(is_address(name) ? "IP:" : "DNS:") + name;
  }
  add_extension(cert, own_.cert.get(), NID_basic_constraints, "critical,CA:FALSE");
  if (san) add_extension(cert, own_.cert.get(), NID_subject_alt_name, alternatives);
  finish_certificate(issued, own_.key.get());
  return issued;
}

std::string TestCa::crl(const std::vector<const X509*>& revoked) const {
  const crypto::X509CrlPtr crl(X509_CRL_new());
  X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(own_.cert.get()));
  ASN1_TIME* time = X509_gmtime_adj(nullptr, -60);
  X509_CRL_set1_lastUpdate(crl.get(), time);
  X509_gmtime_adj(time, 3600);
  X509_CRL_set1_nextUpdate(crl.get(), time);
  for (const X509* cert : revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, const_cast<ASN1_INTEGER*>(X509_get0_serialNumber(cert)));
    X509_gmtime_adj(time, -30);
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(crl.get(), entry);
  }
  ASN1_TIME_free(time);
  X509_CRL_sort(crl.get());
  must(X509_CRL_sign(crl.get(), own_.key.get(), EVP_sha256()) > 0);
  const crypto::BioPtr text(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_CRL(text.get(), crl.get());
  return text_of(text.get());
}

std::string TestCa::ocsp(const X509* leaf, std::chrono::seconds life) const {
  OCSP_BASICRESP* basic = OCSP_BASICRESP_new();
  OCSP_CERTID* id = OCSP_cert_to_id(nullptr, leaf, own_.cert.get());
  ASN1_TIME* from = X509_gmtime_adj(nullptr, -3600);
  ASN1_TIME* until = X509_gmtime_adj(nullptr, static_cast<long>(life.count()));
  must(OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, nullptr, from, until) != nullptr);
  must(OCSP_basic_sign(basic, own_.cert.get(), own_.key.get(), EVP_sha256(), nullptr, 0) == 1);
  OCSP_RESPONSE* response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response, &der);
  std::string text(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  OCSP_RESPONSE_free(response);
  ASN1_TIME_free(from);
  ASN1_TIME_free(until);
  OCSP_CERTID_free(id);
  OCSP_BASICRESP_free(basic);
  return text;
}

SocketPair::SocketPair() {
  std::array<int, 2> ends{};
  must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  server = ends[0];
  client = ends[1];
}

SocketPair::~SocketPair() {
  ::close(server);
  close_client();
}

void SocketPair::close_client() {
  if (client >= 0) ::close(client);
  client = -1;
}

void ServerSide::add(const Issued& issued, const std::string& ocsp) {
  const std::string number = std::to_string(files_++);
  config::CertificatePair pair;
  pair.cert = dir_.write("server" + number + ".pem", issued.cert_pem);
  pair.key = dir_.write("server" + number + ".key", issued.key_pem);
  if (!ocsp.empty()) pair.ocsp = dir_.write("server" + number + ".ocsp", ocsp);
  settings.certificates.push_back(pair);
}

std::shared_ptr<const net::TlsServerContext> ServerSide::build() {
  const net::LoadedTls loaded = net::TlsMaterial::load("listener test", settings);
  if (!loaded.material) throw std::runtime_error(loaded.errors.front());
  std::string error;
  auto context = net::TlsServerContext::make("listener test", settings, loaded.material, tickets, library, error);
  if (!context) throw std::runtime_error(error);
  return context;
}

ClientSide::ClientSide(const TempDir& dir, const std::string& ca_pem) { settings.ca = dir.write("ca.pem", ca_pem); }

std::shared_ptr<net::TlsClientContext> ClientSide::build() {
  const net::LoadedTls loaded = net::TlsMaterial::load("upstream test", settings);
  if (!loaded.material) throw std::runtime_error(loaded.errors.front());
  std::string error;
  auto context = net::TlsClientContext::make("upstream test", settings, config::UpstreamProtocol::http1,
                                             loaded.material, library, error);
  if (!context) throw std::runtime_error(error);
  return context;
}

bool shake_hands(net::TlsSession& server, net::TlsSession& client) {
  bool server_done = false;
  bool client_done = false;
  for (int step = 0; step < 20 && !(server_done && client_done); ++step) {
    // A side that failed has sent its alert; the other one still gets to read it.
    if (!client_done) client_done = client.handshake().status == net::IoStatus::ok;
    if (!server_done) server_done = server.handshake().status == net::IoStatus::ok;
  }
  return server_done && client_done;
}

Link::Link(std::shared_ptr<const net::TlsServerContext> server_context,
           std::shared_ptr<net::TlsClientContext> client_context, const std::string& host) {
  must(server.accept(std::move(server_context), sockets.server));
  must(client.connect(std::move(client_context), sockets.client, host, host + ":443"));
  ok_ = shake_hands(server, client);
}

std::string Link::echo(const std::string& text) {
  if (!write_text(client, text)) return "client cannot write";
  if (!write_text(server, read_text(server))) return "server cannot write";
  return read_text(client);
}

RawClient::RawClient(int fd, const std::string& ca_pem) : context(SSL_CTX_new(TLS_client_method())) {
  const crypto::ParsedChain ca = crypto::parse_chain(nullptr, ca_pem);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.leaf.get());
  ssl.reset(SSL_new(context.get()));
  SSL_set_fd(ssl.get(), fd);
  SSL_set_connect_state(ssl.get());
  SSL_set_tlsext_host_name(ssl.get(), "a.test");
}

bool RawClient::shake_hands(net::TlsSession& server) {
  bool server_done = false;
  bool client_done = false;
  for (int step = 0; step < 20 && !(server_done && client_done); ++step) {
    if (!client_done) client_done = SSL_do_handshake(ssl.get()) == 1;
    if (!server_done) server_done = server.handshake().status == net::IoStatus::ok;
  }
  return server_done && client_done;
}

// The first want_read may only say that the last recv was short; in place of a wait for readability, ask twice.
std::string read_text(net::TlsSession& from) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (int pauses = 0; pauses < 2;) {
    const net::IoResult result = from.read(buffer);
    if (result.status != net::IoStatus::ok) ++pauses;
    text.append(buffer.data(), result.bytes);
  }
  return text;
}

bool write_text(net::TlsSession& to, std::string_view text) {
  const net::IoResult result = to.write(text);
  return result.status == net::IoStatus::ok && result.bytes == text.size();
}

}  // namespace postern::test
