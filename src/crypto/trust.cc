#include "crypto/trust.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "crypto/openssl_error.h"
#include "crypto/pem_file.h"

namespace postern::crypto {
namespace {

BioPtr bio_over(std::string_view text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// Reading past the last PEM block queues exactly this error; anything else is a broken block.
bool at_end_of_pem() {
  const unsigned long error = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (at_end) ERR_clear_error();
  return at_end;
}

// `each(certificate)` returns false to stop. False: stopped, broken, or none there.
template <class Each>
bool for_each_certificate(OSSL_LIB_CTX* library, std::string_view pem, Each each) {
  const BioPtr bio = bio_over(pem);
  bool any = false;
  for (;;) {
    X509* filled = X509_new_ex(library, nullptr);
    const bool read = filled != nullptr && PEM_read_bio_X509(bio.get(), &filled, nullptr, nullptr) != nullptr;
    const X509Ptr certificate(filled);
    if (!read) break;
    if (!each(certificate.get())) return false;
    any = true;
  }
  return at_end_of_pem() && any;
}

template <class Each>
bool for_each_crl(OSSL_LIB_CTX* library, std::string_view pem, Each each) {
  const BioPtr bio = bio_over(pem);
  bool any = false;
  for (;;) {
    X509_CRL* filled = X509_CRL_new_ex(library, nullptr);
    const bool read = filled != nullptr && PEM_read_bio_X509_CRL(bio.get(), &filled, nullptr, nullptr) != nullptr;
    const X509CrlPtr crl(filled);
    if (!read) break;
    if (!each(crl.get())) return false;
    any = true;
  }
  return at_end_of_pem() && any;
}

std::string why_nothing(const std::string& what, const std::string& path) {
  if (ERR_peek_error() == 0) return "no " + what + " in " + path + " (PEM is expected)";
  return "broken " + what + " in " + path + ": " + take_openssl_error();
}

}  // namespace

Loaded<Trust> Trust::load(const std::string& owner, const std::string& ca_path, const std::string& crl_path) {
  const auto failed = [&owner](const std::string& why) { return Loaded<Trust>::failed(owner + ": " + why); };
  Trust trust;
  Loaded<std::string> ca = read_small_file("CA file", ca_path);
  if (!ca) return failed(ca.error);
  if (!for_each_certificate(nullptr, *ca.value, [](X509*) { return true; })) {
    return failed(why_nothing("CA certificate", ca_path));
  }
  trust.ca_pem_ = std::move(*ca.value);
  if (crl_path.empty()) return Loaded<Trust>::ok(std::move(trust));
  Loaded<std::string> crl = read_small_file("revocation list", crl_path);
  if (!crl) return failed(crl.error);
  if (!for_each_crl(nullptr, *crl.value, [](X509_CRL*) { return true; })) {
    return failed(why_nothing("revocation list", crl_path));
  }
  trust.crl_pem_ = std::move(*crl.value);
  return Loaded<Trust>::ok(std::move(trust));
}

X509StorePtr Trust::make_store(OSSL_LIB_CTX* library) const {
  X509StorePtr store(X509_STORE_new());
  if (!store) return nullptr;
  const auto add_ca = [&store](X509* ca) { return X509_STORE_add_cert(store.get(), ca) == 1; };
  if (!for_each_certificate(library, ca_pem_, add_ca)) return nullptr;
  if (crl_pem_.empty()) return store;
  const auto add_crl = [&store](X509_CRL* crl) { return X509_STORE_add_crl(store.get(), crl) == 1; };
  if (!for_each_crl(library, crl_pem_, add_crl)) return nullptr;
  // The leaf only: lists for the authorities above it are seldom at hand, and a missing one refuses everybody.
  if (X509_STORE_set_flags(store.get(), X509_V_FLAG_CRL_CHECK) != 1) return nullptr;
  return store;
}

X509NameStackPtr Trust::make_names(OSSL_LIB_CTX* library) const {
  X509NameStackPtr names(sk_X509_NAME_new_null());
  if (!names) return nullptr;
  const auto add = [&names](X509* ca) {
    X509_NAME* name = X509_NAME_dup(X509_get_subject_name(ca));
    if (name != nullptr && sk_X509_NAME_push(names.get(), name) > 0) return true;
    X509_NAME_free(name);
    return false;
  };
  if (!for_each_certificate(library, ca_pem_, add)) return nullptr;
  return names;
}

}  // namespace postern::crypto
