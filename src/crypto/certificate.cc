#include "crypto/certificate.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <cstdio>
#include <ctime>

#include "crypto/openssl_error.h"
#include "crypto/pem_file.h"

namespace postern::crypto {
namespace {

using OcspResponsePtr = std::unique_ptr<OCSP_RESPONSE, FreeWith<OCSP_RESPONSE_free>>;
using OcspBasicPtr = std::unique_ptr<OCSP_BASICRESP, FreeWith<OCSP_BASICRESP_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;

// "expired" is a fact of the moment; far ahead means never.
std::chrono::system_clock::time_point to_time_point(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::chrono::system_clock::time_point::max();
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view view_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string ip_text(const ASN1_OCTET_STRING* address) {
  const unsigned char* bytes = ASN1_STRING_get0_data(address);
  if (ASN1_STRING_length(address) == 4) {
    return std::to_string(bytes[0]) + "." + std::to_string(bytes[1]) + "." + std::to_string(bytes[2]) + "." +
           std::to_string(bytes[3]);
  }
  if (ASN1_STRING_length(address) != 16) return {};
  char out[48];
  int used = 0;
  for (int i = 0; i < 16; i += 2) {
    used += std::snprintf(out + used, sizeof(out) - static_cast<std::size_t>(used), i == 0 ? "%x" : ":%x",
                          static_cast<unsigned>(bytes[i] << 8 | bytes[i + 1]));
  }
  return out;
}

void add_common_name(const X509* certificate, std::vector<std::string>& names) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return;
  const ASN1_STRING* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size <= 0) return;
  const std::string_view name(reinterpret_cast<char*>(utf8), static_cast<std::size_t>(size));
  if (name.find('\0') == std::string_view::npos) names.push_back(lower(name));
  OPENSSL_free(utf8);
}

KeyType type_of(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
      return KeyType::rsa;
    case EVP_PKEY_EC:
      return KeyType::ecdsa;
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
      return KeyType::ed25519;
    default:
      return KeyType::other;
  }
}

// Nobody is there to type one; saying so beats OpenSSL's prompt on the terminal.
int refuse_password(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

PkeyPtr parse_key_asking(OSSL_LIB_CTX* library, std::string_view pem, bool& asked) {
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return nullptr;
  return PkeyPtr(PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, &refuse_password, &asked, library, nullptr));
}

bool readable_by_others(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0;
}

}  // namespace

std::string_view to_string(KeyType type) noexcept {
  switch (type) {
    case KeyType::rsa:
      return "rsa";
    case KeyType::ecdsa:
      return "ecdsa";
    case KeyType::ed25519:
      return "ed25519";
    case KeyType::other:
      break;
  }
  return "other";
}

ParsedChain parse_chain(OSSL_LIB_CTX* library, std::string_view pem) {
  ParsedChain chain;
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509StackPtr rest(sk_X509_new_null());
  if (!bio || !rest) return chain;
  X509Ptr leaf;
  for (;;) {
    X509* filled = X509_new_ex(library, nullptr);
    const bool read = filled != nullptr && PEM_read_bio_X509(bio.get(), &filled, nullptr, nullptr) != nullptr;
    X509Ptr certificate(filled);  // null when a broken block made the reader free it
    if (!read) break;
    if (!leaf) {
      leaf = std::move(certificate);
    } else if (sk_X509_push(rest.get(), certificate.get()) > 0) {
      (void)certificate.release();
    } else {
      return chain;
    }
  }
  const unsigned long error = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!at_end || !leaf) return chain;
  ERR_clear_error();
  chain.leaf = std::move(leaf);
  chain.rest = std::move(rest);
  return chain;
}

PkeyPtr parse_key(OSSL_LIB_CTX* library, std::string_view pem) {
  bool asked = false;
  return parse_key_asking(library, pem, asked);
}

KeyType key_type_of(const X509* certificate) noexcept { return type_of(X509_get0_pubkey(certificate)); }

std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> names;
  const GeneralNamesPtr alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!alternatives) {
    add_common_name(certificate, names);
    return names;
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name->type == GEN_DNS) {
      const std::string_view text = view_of(name->d.dNSName);
      if (text.find('\0') == std::string_view::npos) names.push_back(lower(text));
    } else if (name->type == GEN_IPADD) {
      names.push_back(ip_text(name->d.iPAddress));
    }
  }
  return names;
}

std::chrono::system_clock::time_point not_after_of(const X509* certificate) {
  return to_time_point(X509_get0_notAfter(certificate));
}

std::string Certificate::load_chain(const std::string& path) {
  path_ = path;
  Loaded<std::string> text = read_small_file("certificate file", path);
  if (!text) return text.error;
  const ParsedChain chain = parse_chain(nullptr, *text.value);
  if (!chain.leaf) {
    const std::string reason = take_openssl_error();
    if (reason == "no start line") return "no certificate in " + path + " (PEM is expected)";
    return "broken certificate in " + path + ": " + reason;
  }
  chain_pem_ = std::move(*text.value);
  names_ = names_of(chain.leaf.get());
  not_after_ = not_after_of(chain.leaf.get());
  if (not_after_ < std::chrono::system_clock::now()) warnings_.push_back("certificate " + path + " has expired");
  if (names_.empty()) warnings_.push_back("certificate " + path + " names no host");
  return {};
}

std::string Certificate::load_key(const std::string& path) {
  Loaded<SecretText> text = read_secret_file("key file", path);
  if (!text) return text.error;
  bool asked = false;
  const PkeyPtr key = parse_key_asking(nullptr, text.value->reveal(), asked);
  if (!key) {
    const std::string reason = take_openssl_error();
    if (asked) return "key " + path + " is protected by a password, which is not supported";
    if (reason == "unsupported" || reason == "no start line") return "no private key in " + path + " (PEM is expected)";
    return "broken key in " + path + ": " + reason;
  }
  const ParsedChain chain = parse_chain(nullptr, chain_pem_);
  if (X509_check_private_key(chain.leaf.get(), key.get()) != 1) {
    ERR_clear_error();
    return "certificate " + path_ + " does not match key " + path;
  }
  key_type_ = type_of(key.get());
  if (readable_by_others(path)) warnings_.push_back("key " + path + " can be read by every user of this machine");
  key_pem_ = std::move(*text.value);
  return {};
}

std::string Certificate::load_ocsp(const std::string& path) {
  Loaded<std::string> text = read_small_file("OCSP response", path);
  if (!text) return text.error;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.value->data());
  const OcspResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(text.value->size())));
  const OcspBasicPtr basic(response ? OCSP_response_get1_basic(response.get()) : nullptr);
  ERR_clear_error();
  if (!basic) return "no OCSP response in " + path + " (DER is expected)";
  const ParsedChain chain = parse_chain(nullptr, chain_pem_);
  for (int i = 0; i < OCSP_resp_count(basic.get()); ++i) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(basic.get(), i);
    ASN1_INTEGER* serial = nullptr;
    OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single)));
    if (serial == nullptr || ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(chain.leaf.get())) != 0) continue;
    ASN1_GENERALIZEDTIME* until = nullptr;
    const int status = OCSP_single_get0_status(single, nullptr, nullptr, nullptr, &until);
    ocsp_until_ = to_time_point(until);
    if (ocsp_until_ < std::chrono::system_clock::now()) warnings_.push_back("OCSP response " + path + " has expired");
    if (status != V_OCSP_CERTSTATUS_GOOD) warnings_.push_back("OCSP response " + path + " does not say 'good'");
    ocsp_der_ = std::move(*text.value);
    return {};
  }
  return "OCSP response " + path + " is not about certificate " + path_;
}

Loaded<Certificate> Certificate::load(const std::string& owner, const std::string& cert_path,
                                      const std::string& key_path, const std::string& ocsp_path) {
  Certificate certificate;
  std::string error = certificate.load_chain(cert_path);
  if (error.empty()) error = certificate.load_key(key_path);
  if (error.empty() && !ocsp_path.empty()) error = certificate.load_ocsp(ocsp_path);
  if (!error.empty()) return Loaded<Certificate>::failed(owner + ": " + error);
  for (std::string& warning : certificate.warnings_) warning.insert(0, owner + ": ");
  return Loaded<Certificate>::ok(std::move(certificate));
}

}  // namespace postern::crypto
