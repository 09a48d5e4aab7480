#include "identity/certificate_identity.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern::identity {
namespace {

crypto::PeerCertificate certificate(std::vector<std::string> uris, std::vector<std::string> emails = {},
                                    std::vector<std::string> dns = {}) {
  crypto::PeerCertificate out;
  out.subject = "CN=admin@example.com";
  out.issuer = "CN=ca";
  out.uris = std::move(uris);
  out.emails = std::move(emails);
  out.dns = std::move(dns);
  out.thumbprint = "abc";
  out.not_before = 900;
  out.not_after = 5000;
  return out;
}

std::string subject_of(const crypto::PeerCertificate& shown) {
  const auto who = principal_of(shown, "clients");
  return who ? who->subject : "nobody";
}

TEST(CertificateIdentity, IsTheSpiffeId) {
  const auto who =
      principal_of(certificate({"https://x/", "spiffe://prod.example/ns/a"}, {"a@b.c"}, {"a.b"}), "clients");
  ASSERT_TRUE(who);
  EXPECT_EQ(who->subject, "spiffe://prod.example/ns/a");
  EXPECT_EQ(who->credential, CredentialKind::certificate);
  EXPECT_EQ(who->issuer_name, "clients");
  EXPECT_EQ(who->credential_id, "abc");
  EXPECT_EQ(who->expires_at, 5000);
  EXPECT_EQ(who->email, "a@b.c");
  EXPECT_TRUE(std::ranges::is_sorted(who->claims));
  EXPECT_TRUE(std::ranges::count(who->claims, Claim{"san.uri", "https://x/"}) == 1);
}

TEST(CertificateIdentity, IsTheFirstOtherName) {
  EXPECT_EQ(subject_of(certificate({"urn:x"}, {"a@b.c"}, {"a.b"})), "urn:x");
  EXPECT_EQ(subject_of(certificate({}, {"a@b.c"}, {"a.b"})), "a@b.c");
  EXPECT_EQ(subject_of(certificate({}, {}, {"a.b", "c.d"})), "a.b");
}

TEST(CertificateIdentity, IsNeverTheCommonName) { EXPECT_EQ(subject_of(certificate({})), "nobody"); }

// T76: the library compares up to the NUL, we would see all of it; nobody shall have to think about it.
TEST(CertificateIdentity, ANulAnywhereIsNobody) {
  const std::string nul("ann@corp.com\0.evil.com", 22);
  EXPECT_EQ(subject_of(certificate({}, {nul})), "nobody");
  EXPECT_EQ(subject_of(certificate({"urn:x"}, {}, {"good.example", std::string("corp.com\0", 9)})), "nobody");
  EXPECT_EQ(subject_of(certificate({std::string("spiffe://a/b\0c", 14)})), "nobody");
  EXPECT_EQ(subject_of(certificate({}, {"a@b.c\n"})), "nobody");
  EXPECT_EQ(subject_of(certificate({}, {""})), "nobody");
}

TEST(CertificateIdentity, ExactlyOneSpiffeIdAndAGoodOne) {
  EXPECT_EQ(subject_of(certificate({"spiffe://a/b", "spiffe://a/c"})), "nobody");
  EXPECT_EQ(subject_of(certificate({"spiffe://a/b", "SPIFFE://a/b"})), "nobody");
  for (const char* bad :
       {"spiffe://", "spiffe:///x", "spiffe://A/b", "spiffe://a/", "spiffe://a//b", "spiffe://a/../b", "spiffe://a/./b",
        "spiffe://a:80/b", "spiffe://u@a/b", "spiffe://a/b?c", "spiffe://a/b#c", "spiffe://a/%62", "Spiffe://a/b"}) {
    EXPECT_EQ(subject_of(certificate({bad})), "nobody") << bad;
  }
  EXPECT_EQ(subject_of(certificate({"spiffe://a"})), "spiffe://a");
  EXPECT_EQ(subject_of(certificate({"spiffe://a.b-c_d/X/y.z"})), "spiffe://a.b-c_d/X/y.z");
}

TEST(CertificateIdentity, NamesThatCannotBeReadAreNobodys) {
  crypto::PeerCertificate broken = certificate({"urn:x"});
  broken.names_broken = true;
  EXPECT_EQ(subject_of(broken), "nobody");
}

// RFC 8705, and T86: the proof is asked for on each use.
TEST(CertificateIdentity, ABoundTokenNeedsItsCertificate) {
  const crypto::PeerCertificate shown = certificate({"urn:x"});
  crypto::PeerCertificate other = shown;
  other.thumbprint = "abd";
  Principal who;
  EXPECT_TRUE(certificate_matches(who, nullptr));
  who.bound_certificate = "abc";
  EXPECT_TRUE(certificate_matches(who, &shown));
  EXPECT_FALSE(certificate_matches(who, &other));
  EXPECT_FALSE(certificate_matches(who, nullptr));
  other.thumbprint.clear();
  EXPECT_FALSE(certificate_matches(who, &other));
}

}  // namespace
}  // namespace postern::identity
