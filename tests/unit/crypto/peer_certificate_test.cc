#include "crypto/peer_certificate.h"

#include <gtest/gtest.h>

#include "crypto/openssl_ptr.h"

namespace postern::crypto {
namespace {

struct Name {
  int type;
  std::string text;
};

/// Signed by itself; names go in byte for byte, as a hostile authority would write them.
X509Ptr certificate_with(const std::vector<Name>& names) {
  X509Ptr cert(X509_new());
  const PkeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  X509_set_version(cert.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 0x1234);
  ASN1_TIME_set(X509_getm_notBefore(cert.get()), 1000);
  ASN1_TIME_set(X509_getm_notAfter(cert.get()), 2000);
  X509_set_pubkey(cert.get(), key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>("ann"), -1, -1, 0);
  GENERAL_NAMES* list = GENERAL_NAMES_new();
  for (const Name& name : names) {
    GENERAL_NAME* entry = GENERAL_NAME_new();
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, name.text.data(), static_cast<int>(name.text.size()));
    GENERAL_NAME_set0_value(entry, name.type, text);
    sk_GENERAL_NAME_push(list, entry);
  }
  if (!names.empty()) X509_add1_ext_i2d(cert.get(), NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT);
  GENERAL_NAMES_free(list);
  X509_sign(cert.get(), key.get(), EVP_sha256());
  return cert;
}

TEST(PeerCertificate, TellsItsNames) {
  const X509Ptr cert = certificate_with(
      {{GEN_URI, "spiffe://a/b"}, {GEN_DNS, "a.example"}, {GEN_EMAIL, "ann@a.example"}, {GEN_URI, "urn:x"}});
  const PeerCertificate facts = describe_peer(cert.get());
  EXPECT_EQ(facts.subject, "CN=ann");
  EXPECT_EQ(facts.serial, "1234");
  EXPECT_EQ(facts.uris, (std::vector<std::string>{"spiffe://a/b", "urn:x"}));
  EXPECT_EQ(facts.dns, (std::vector<std::string>{"a.example"}));
  EXPECT_EQ(facts.emails, (std::vector<std::string>{"ann@a.example"}));
  EXPECT_EQ(facts.not_before, 1000);
  EXPECT_EQ(facts.not_after, 2000);
  EXPECT_FALSE(facts.names_broken);
  EXPECT_EQ(facts.thumbprint.size(), 43u);
}

TEST(PeerCertificate, KeepsEveryByteOfANameSoThatItsNulIsSeen) {
  const std::string nul("ann@corp.com\0.evil.com", 22);
  const X509Ptr cert = certificate_with({{GEN_EMAIL, nul}});
  EXPECT_EQ(describe_peer(cert.get()).emails, (std::vector<std::string>{nul}));
}

TEST(PeerCertificate, TheCommonNameIsNoName) {
  const X509Ptr cert = certificate_with({});
  const PeerCertificate facts = describe_peer(cert.get());
  EXPECT_TRUE(facts.uris.empty() && facts.dns.empty() && facts.emails.empty());
  EXPECT_FALSE(facts.names_broken);
}

TEST(PeerCertificate, SaysWhenItsNamesCannotBeRead) {
  X509Ptr cert = certificate_with({});
  ASN1_OCTET_STRING* junk = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(junk, reinterpret_cast<const unsigned char*>("junk"), 4);
  X509_EXTENSION* extension = X509_EXTENSION_create_by_NID(nullptr, NID_subject_alt_name, 0, junk);
  X509_add_ext(cert.get(), extension, -1);
  EXPECT_TRUE(describe_peer(cert.get()).names_broken);
  X509_add_ext(cert.get(), extension, -1);  // twice is no better
  EXPECT_TRUE(describe_peer(cert.get()).names_broken);
  X509_EXTENSION_free(extension);
  ASN1_OCTET_STRING_free(junk);
}

}  // namespace
}  // namespace postern::crypto
