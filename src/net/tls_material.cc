#include "net/tls_material.h"

#include <algorithm>

namespace postern::net {
namespace {

void add_certificate(const std::string& owner, const config::CertificatePair& pair,
                     std::vector<crypto::Certificate>& certificates, LoadedTls& result) {
  crypto::Loaded<crypto::Certificate> loaded = crypto::Certificate::load(owner, pair.cert, pair.key, pair.ocsp);
  if (!loaded) {
    result.errors.push_back(std::move(loaded.error));
    return;
  }
  result.warnings.insert(result.warnings.end(), loaded.value->warnings().begin(), loaded.value->warnings().end());
  certificates.push_back(std::move(*loaded.value));
}

void add_trust(const std::string& owner, const std::string& ca, const std::string& crl,
               std::optional<crypto::Trust>& trust, LoadedTls& result) {
  crypto::Loaded<crypto::Trust> loaded = crypto::Trust::load(owner, ca, crl);
  if (loaded) {
    trust = std::move(loaded.value);
  } else {
    result.errors.push_back(std::move(loaded.error));
  }
}

void add_file(const std::string& file, std::vector<std::string>& files) {
  if (!file.empty() && std::ranges::find(files, file) == files.end()) files.push_back(file);
}

}  // namespace

LoadedTls TlsMaterial::load(const std::string& owner, const config::ServerTls& settings) {
  LoadedTls result;
  auto material = std::make_shared<TlsMaterial>();
  for (const config::CertificatePair& pair : settings.certificates) {
    add_certificate(owner, pair, material->certificates_, result);
  }
  if (settings.certificates.empty()) result.errors.push_back(owner + ": TLS needs a certificate");
  if (settings.client_auth != config::ClientAuth::none) {
    if (settings.client_ca.empty()) {
      result.errors.push_back(owner + ": client certificates cannot be checked without client_ca");
    } else {
      add_trust(owner, settings.client_ca, settings.client_crl, material->trust_, result);
    }
  }
  if (result.errors.empty()) result.material = std::move(material);
  return result;
}

LoadedTls TlsMaterial::load(const std::string& owner, const config::UpstreamTls& settings) {
  LoadedTls result;
  auto material = std::make_shared<TlsMaterial>();
  if (!settings.cert.empty()) {
    const std::string& key = settings.key.empty() ? settings.cert : settings.key;
    add_certificate(owner, {settings.cert, key, {}}, material->certificates_, result);
  }
  if (!settings.ca.empty()) add_trust(owner, settings.ca, {}, material->trust_, result);
  if (result.errors.empty()) result.material = std::move(material);
  return result;
}

std::vector<std::string> tls_files(const config::ServerTls& settings) {
  std::vector<std::string> files;
  for (const config::CertificatePair& pair : settings.certificates) {
    add_file(pair.cert, files);
    add_file(pair.key, files);
    add_file(pair.ocsp, files);
  }
  add_file(settings.client_ca, files);
  add_file(settings.client_crl, files);
  return files;
}

std::vector<std::string> tls_files(const config::UpstreamTls& settings) {
  std::vector<std::string> files;
  add_file(settings.ca, files);
  add_file(settings.cert, files);
  add_file(settings.key, files);
  return files;
}

}  // namespace postern::net
