// Everything that a listener's or an upstream's TLS settings name on disk, read and checked once per config generation.
// Immutable: the control thread loads it, every core builds its contexts from it. When a reload's load() gives errors,
// the caller keeps the material that it has.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "crypto/certificate.h"
#include "crypto/trust.h"

namespace postern::net {

class TlsMaterial;

struct LoadedTls {
  std::shared_ptr<const TlsMaterial> material;  // null when there is an error
  std::vector<std::string> errors;              // every one, a line each
  std::vector<std::string> warnings;
};

class TlsMaterial {
 public:
  /// `owner` begins every message: "listener public", "upstream models". Blocks on the disk.
  static LoadedTls load(const std::string& owner, const config::ServerTls& settings);
  static LoadedTls load(const std::string& owner, const config::UpstreamTls& settings);

  const std::vector<crypto::Certificate>& certificates() const noexcept { return certificates_; }
  const std::optional<crypto::Trust>& trust() const noexcept { return trust_; }

 private:
  std::vector<crypto::Certificate> certificates_;
  std::optional<crypto::Trust> trust_;
};

/// The files to watch: changes of any of them call for another load(). No duplicates, no empty names.
std::vector<std::string> tls_files(const config::ServerTls& settings);
std::vector<std::string> tls_files(const config::UpstreamTls& settings);

}  // namespace postern::net
