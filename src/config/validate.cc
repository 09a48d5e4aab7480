// Cross checks on listeners, upstreams and the admin server.
#include "config/validate.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <optional>
#include <unordered_map>

#include "config/syntax.h"

namespace postern::config {
namespace {

// One spelling per address, so that "[::1]:80" and "[0:0::1]:80" are seen to be the same. Port 0 is never the same.
std::optional<std::string> canonical(const std::string& text) {
  const std::optional<Address> address = parse_address(text);
  if (!address) return std::nullopt;
  if (address->is_unix) return "unix:" + address->path;
  if (address->port == 0) return std::nullopt;
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> printed{};
  const int family = address->host.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(family, address->host.c_str(), bytes.data()) != 1) return std::nullopt;
  inet_ntop(family, bytes.data(), printed.data(), printed.size());
  return fmt::format("{}|{}", printed.data(), address->port);
}

/// Complains about the second of two equal values; `what` says what is the same.
class Unique {
 public:
  Unique(Report& report, const Origins& origins, std::string what)
      : report_(report), origins_(origins), what_(std::move(what)) {}

  void add(const std::string& value, const std::string& key) {
    if (value.empty() || report_.is_faulty(key)) return;
    const auto [first, inserted] = keys_.try_emplace(value, key);
    if (inserted) return;
    report_.add(key, fmt::format("{} as in line {}", what_, origins_.find(first->second).line));
  }

 private:
  Report& report_;
  const Origins& origins_;
  std::string what_;
  std::unordered_map<std::string, std::string> keys_;
};

void check_server_tls(const ServerTls& tls, const std::string& path, const Origins& origins, Report& report) {
  if (tls.certificates.empty()) {
    report.add(path + ".certificate", "missing", "at least one [[listener.tls.certificate]]");
  }
  if (tls.alpn.empty()) report.add(path + ".alpn", "must not be empty", "a list such as [\"http/1.1\"]");
  const bool asks = tls.client_auth != ClientAuth::none;
  if (asks && tls.client_ca.empty()) {
    report.add(path + ".client_ca", "missing", "the authorities that client certificates are checked against");
  }
  // Somebody who names an authority wants clients checked: leaving client_auth out must not silently let all in.
  if (!asks && !tls.client_ca.empty() && !report.is_faulty(path + ".client_auth")) {
    report.add(path + ".client_ca", "has no effect while client_auth is \"none\"");
  }
  if (!asks && !tls.client_crl.empty() && !report.is_faulty(path + ".client_auth")) {
    report.add(path + ".client_crl", "has no effect while client_auth is \"none\"");
  }
  Unique certificates(report, origins, "the same certificate");
  for (std::size_t i = 0; i < tls.certificates.size(); ++i) {
    certificates.add(tls.certificates[i].cert, item(path + ".certificate", i) + ".cert");
  }
}

void check_listeners(const Settings& settings, const Origins& origins, Report& report) {
  Unique names(report, origins, "the same name");
  Unique addresses(report, origins, "the same address");
  for (std::size_t i = 0; i < settings.listeners.size(); ++i) {
    const Listener& listener = settings.listeners[i];
    const std::string path = item("listener", i);
    if (report.is_faulty(path)) continue;
    names.add(listener.name, path + ".name");
    addresses.add(canonical(listener.address).value_or(""), path + ".address");
    if (listener.max_header_bytes < listener.max_request_line && !report.is_faulty(path + ".max_request_line")) {
      report.add(path + ".max_header_bytes", "smaller than max_request_line, which it includes");
    }
    if (listener.tls && !report.is_faulty(path + ".tls")) {
      check_server_tls(*listener.tls, path + ".tls", origins, report);
    }
  }
  addresses.add(canonical(settings.admin_listen).value_or(""), "admin.listen");
}

void check_upstreams(const Settings& settings, const Origins& origins, Report& report) {
  Unique names(report, origins, "the same name");
  for (std::size_t i = 0; i < settings.upstreams.size(); ++i) {
    const Upstream& upstream = settings.upstreams[i];
    const std::string path = item("upstream", i);
    if (report.is_faulty(path)) continue;
    names.add(upstream.name, path + ".name");
    validate_health(upstream, path, report);
    validate_balance(settings, upstream, path, report);
    validate_discovery(upstream, path, origins, report);
    if (!upstream.tls || report.is_faulty(path + ".tls")) continue;
    const std::string tls = path + ".tls";
    if (!upstream.tls->cert.empty() && upstream.tls->key.empty()) report.add(tls + ".key", "missing beside cert");
    if (upstream.tls->cert.empty() && !upstream.tls->key.empty()) report.add(tls + ".cert", "missing beside key");
    if (!upstream.tls->verify && !upstream.tls->ca.empty()) {
      report.add(tls + ".ca", "has no effect while verify is false");
    }
  }
}

}  // namespace

void validate(const Settings& settings, const Origins& origins, Report& report) {
  check_listeners(settings, origins, report);
  check_upstreams(settings, origins, report);
  validate_logs(settings, report);
  validate_routes(settings, origins, report);
  validate_policy(settings, origins, report);
  validate_failures(settings, report);
  validate_trace(settings, report);
  validate_daemon(settings, report);
  validate_limits(settings, origins, report);
  validate_audit(settings, origins, report);
  validate_identity(settings, origins, report);
}

}  // namespace postern::config
