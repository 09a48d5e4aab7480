#include "crypto/certificate.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "crypto/openssl_error.h"
#include "crypto/self_signed.h"
#include "crypto/trust.h"
#include "unit/net/tls_test_support.h"

namespace postern::crypto {
namespace {

using test::Issued;
using test::TempDir;
using test::TestCa;

struct CertificateFiles : testing::Test {
  Loaded<Certificate> load(const std::string& ocsp = {}) const {
    return Certificate::load("listener public", dir.path("a.pem"), dir.path("b.pem"), ocsp);
  }
  void write(const Issued& issued) const {
    dir.write("a.pem", issued.cert_pem);
    dir.write("b.pem", issued.key_pem);
  }

  TempDir dir;
  TestCa ca;
};

TEST_F(CertificateFiles, TellNamesTypeAndEnd) {
  write(ca.issue({"A.test", "*.b.test", "10.0.0.1"}, KeyType::rsa));
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error;
  EXPECT_EQ(loaded.value->names(), (std::vector<std::string>{"a.test", "*.b.test", "10.0.0.1"}));
  EXPECT_EQ(loaded.value->key_type(), KeyType::rsa);
  const auto left = loaded.value->not_after() - std::chrono::system_clock::now();
  EXPECT_GT(left, std::chrono::hours(23));
  EXPECT_LT(left, std::chrono::hours(25));
  EXPECT_TRUE(loaded.value->warnings().empty());
}

TEST_F(CertificateFiles, FallBackToTheCommonName) {
  write(ca.issue({"Only.cn.test"}, KeyType::ed25519, std::chrono::hours(24), false));
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error;
  EXPECT_EQ(loaded.value->names(), std::vector<std::string>{"only.cn.test"});
  EXPECT_EQ(loaded.value->key_type(), KeyType::ed25519);
}

TEST_F(CertificateFiles, SayWhenKeyBelongsToAnother) {
  write(ca.issue({"a.test"}));
  dir.write("b.pem", ca.issue({"a.test"}).key_pem);
  EXPECT_EQ(load().error,
            "listener public: certificate " + dir.path("a.pem") + " does not match key " + dir.path("b.pem"));
}

TEST_F(CertificateFiles, SayWhichFileCannotBeRead) {
  EXPECT_EQ(load().error,
            "listener public: cannot read certificate file " + dir.path("a.pem") + ": No such file or directory");
  write(ca.issue({"a.test"}));
  std::filesystem::remove(dir.path("b.pem"));
  std::filesystem::create_directory(dir.path("b.pem"));
  EXPECT_EQ(load().error, "listener public: cannot read key file " + dir.path("b.pem") + ": Is a directory");
}

TEST_F(CertificateFiles, SayWhatIsNotPem) {
  const Issued issued = ca.issue({"a.test"});
  write(issued);
  dir.write("a.pem", "hello");
  EXPECT_EQ(load().error, "listener public: no certificate in " + dir.path("a.pem") + " (PEM is expected)");
  write(issued);
  dir.write("b.pem", "");
  EXPECT_EQ(load().error, "listener public: no private key in " + dir.path("b.pem") + " (PEM is expected)");
}

TEST_F(CertificateFiles, RefuseABrokenSecondCertificate) {
  Issued issued = ca.issue({"a.test"});
  std::string broken = ca.pem();
  broken.replace(broken.size() / 2, 8, "!!!!!!!!");
  issued.cert_pem += broken;
  write(issued);
  EXPECT_NE(load().error.find("broken certificate in"), std::string::npos) << load().error;
}

TEST_F(CertificateFiles, RefuseAKeyWithAPassword) {
  const Issued issued = ca.issue({"a.test"});
  write(issued);
  const BioPtr text(BIO_new(BIO_s_mem()));
  char password[] = "secret";
  PEM_write_bio_PKCS8PrivateKey(text.get(), issued.key.get(), EVP_aes_128_cbc(), password, 6, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  dir.write("b.pem", std::string(data, static_cast<std::size_t>(size)));
  EXPECT_EQ(load().error,
            "listener public: key " + dir.path("b.pem") + " is protected by a password, which is not supported");
}

TEST_F(CertificateFiles, WarnOfExpiryAndOfReadableKey) {
  write(ca.issue({"a.test"}, KeyType::ecdsa, std::chrono::hours(-1)));
  ASSERT_EQ(::chmod(dir.path("b.pem").c_str(), 0644), 0);
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error;
  ASSERT_EQ(loaded.value->warnings().size(), 2u);
  EXPECT_EQ(loaded.value->warnings()[0], "listener public: certificate " + dir.path("a.pem") + " has expired");
  EXPECT_EQ(loaded.value->warnings()[1],
            "listener public: key " + dir.path("b.pem") + " can be read by every user of this machine");
}

TEST_F(CertificateFiles, TakeAStapleForThisCertificateOnly) {
  const Issued issued = ca.issue({"a.test"});
  const Issued other = ca.issue({"b.test"});
  write(issued);
  const auto good = load(dir.write("good.der", ca.ocsp(issued.cert.get())));
  ASSERT_TRUE(good) << good.error;
  EXPECT_FALSE(good.value->ocsp_der().empty());
  EXPECT_GT(good.value->ocsp_until(), std::chrono::system_clock::now());
  EXPECT_EQ(
      load(dir.write("other.der", ca.ocsp(other.cert.get()))).error,
      "listener public: OCSP response " + dir.path("other.der") + " is not about certificate " + dir.path("a.pem"));
  EXPECT_EQ(load(dir.write("junk.der", "junk")).error,
            "listener public: no OCSP response in " + dir.path("junk.der") + " (DER is expected)");
}

TEST_F(CertificateFiles, TrustNeedsACertificate) {
  const std::string junk = dir.write("ca.pem", "junk");
  EXPECT_EQ(Trust::load("listener public", junk, {}).error,
            "listener public: no CA certificate in " + junk + " (PEM is expected)");
  const std::string good = dir.write("ca.pem", ca.pem());
  EXPECT_TRUE(Trust::load("listener public", good, {}));
  EXPECT_EQ(Trust::load("listener public", good, good).error,
            "listener public: no revocation list in " + good + " (PEM is expected)");
  EXPECT_TRUE(Trust::load("listener public", good, dir.write("crl.pem", ca.crl({}))));
}

TEST(SelfSigned, LoadsAsACertificate) {
  for (const KeyType type : {KeyType::ecdsa, KeyType::rsa, KeyType::ed25519}) {
    const TempDir dir;
    const auto made = make_self_signed({"localhost", "127.0.0.1", "::1"}, std::chrono::hours(48), type);
    ASSERT_TRUE(made) << made.error;
    const auto loaded = Certificate::load("test", dir.write("c", made.value->cert_pem),
                                          dir.write("k", std::string(made.value->key_pem.reveal())), {});
    ASSERT_TRUE(loaded) << loaded.error;
    EXPECT_EQ(loaded.value->key_type(), type);
    EXPECT_EQ(loaded.value->names(), (std::vector<std::string>{"localhost", "127.0.0.1", "0:0:0:0:0:0:0:1"}));
  }
}

TEST(OpensslError, EmptiesTheQueue) {
  EXPECT_EQ(parse_key(nullptr, "junk"), nullptr);
  EXPECT_NE(take_openssl_error(), "unknown error");
  EXPECT_EQ(take_openssl_error(), "unknown error");
}

}  // namespace
}  // namespace postern::crypto
