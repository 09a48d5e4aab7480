#include "net/tls_names.h"

#include <algorithm>

namespace postern::net {
namespace {

constexpr std::size_t kLongestName = 255;

void add(CertificateSet& set, crypto::KeyType type, std::uint32_t certificate) {
  std::uint32_t& place = set.by_type[static_cast<std::size_t>(type)];
  if (place == CertificateSet::kNone) place = certificate;  // the first one listed wins
}

void fill_gaps(CertificateSet& set, const CertificateSet& from) {
  for (std::size_t i = 0; i < set.by_type.size(); ++i) {
    if (set.by_type[i] == CertificateSet::kNone) set.by_type[i] = from.by_type[i];
  }
}

std::string wildcard_of(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string() : "*" + std::string(name.substr(dot));
}

// "example.com:443", "[::1]:443", "example.com." -> the name alone.
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end == std::string_view::npos ? host : host.substr(1, end - 1);
  }
  const std::size_t colon = host.find(':');
  if (colon != std::string_view::npos && host.find(':', colon + 1) == std::string_view::npos)
    host = host.substr(0, colon);
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

}  // namespace

TlsNames::TlsNames(const std::vector<crypto::Certificate>& certificates) {
  std::unordered_map<std::string, CertificateSet> by_name;
  CertificateSet first;
  for (std::uint32_t i = 0; i < certificates.size(); ++i) {
    if (i == 0) add(first, certificates[i].key_type(), i);
    for (const std::string& name : certificates[i].names()) add(by_name[name], certificates[i].key_type(), i);
  }
  // Set 0 answers unknown names: the first certificate, with the other key types that share its first name.
  if (!certificates.empty() && !certificates.front().names().empty()) {
    fill_gaps(first, by_name[certificates.front().names().front()]);
  }
  sets_.push_back(first);
  for (auto& [name, set] : by_name) {
    // A client that can check RSA only finds the wildcard's RSA certificate behind an exact ECDSA one.
    const auto wildcard = by_name.find(wildcard_of(name));
    if (!name.starts_with('*') && wildcard != by_name.end()) fill_gaps(set, wildcard->second);
    by_name_.emplace(name, set_index(set));
  }
}

std::size_t TlsNames::set_index(const CertificateSet& set) {
  const auto found = std::ranges::find(sets_, set);
  if (found != sets_.end()) return static_cast<std::size_t>(found - sets_.begin());
  sets_.push_back(set);
  return sets_.size() - 1;
}

std::size_t TlsNames::find(std::string_view host) const noexcept {
  if (sets_.size() == 1) return 0;
  const std::string_view name = without_port(host);
  if (name.empty() || name.size() > kLongestName) return 0;
  char lower[kLongestName];
  std::ranges::transform(name, lower, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const auto exact = by_name_.find(std::string_view(lower, name.size()));
  if (exact != by_name_.end()) return exact->second;
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return 0;
  lower[dot - 1] = '*';
  const auto wildcard = by_name_.find(std::string_view(lower + dot - 1, name.size() - dot + 1));
  return wildcard != by_name_.end() ? wildcard->second : 0;
}

}  // namespace postern::net
