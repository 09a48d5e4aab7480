// Typed settings: what the config file means, as plain values.
// Filled by config::load(), read by everyone above; immutable once a Snapshot holds it. Any thread.
// Knows nothing of TOML, files or defaults (those stand in schema.cc, the one table).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/settings_audit.h"
#include "config/settings_balance.h"
#include "config/settings_daemon.h"
#include "config/settings_discovery.h"
#include "config/settings_failures.h"
#include "config/settings_health.h"
#include "config/settings_identity.h"
#include "config/settings_logs.h"
#include "config/settings_policy.h"
#include "config/settings_trace.h"

namespace postern::config {

using Duration = std::chrono::milliseconds;
using NameValues = std::vector<std::pair<std::string, std::string>>;

enum class Engine : std::uint8_t { automatic, epoll, io_uring };
enum class TlsPreset : std::uint8_t { intermediate, modern };
enum class ClientAuth : std::uint8_t { none, optional, required };
enum class Underscores : std::uint8_t { reject, drop };
enum class Slashes : std::uint8_t { merge, keep };
enum class EncodedSlash : std::uint8_t { reject, keep };
enum class PathParameters : std::uint8_t { reject, keep };
enum class OnClientFin : std::uint8_t { serve, abort };
enum class OnDisconnect : std::uint8_t { cancel, finish };
enum class UpstreamProtocol : std::uint8_t { http1, h2, automatic };

/// One certificate with its key; several may stand in a listener (SNI, RSA beside ECDSA).
struct CertificatePair {
  std::string cert;  // PEM file, leaf first
  std::string key;   // PEM file
  std::string ocsp;  // DER response file; empty: no staple
};

struct ServerTls {
  TlsPreset preset = TlsPreset::intermediate;
  std::vector<CertificatePair> certificates;
  std::vector<std::string> alpn;
  ClientAuth client_auth = ClientAuth::none;
  std::string client_ca;
  std::uint32_t client_depth = 3;
  std::string client_crl;
  Duration ticket_rotation{};
};

struct Listener {
  std::string name;
  std::string address;  // "127.0.0.1:8080", "[::]:8443", "unix:/run/postern.sock"
  std::uint32_t backlog = 0;
  std::string unix_mode;                         // octal, unix sockets only
  std::vector<std::string> proxy_protocol_from;  // CIDRs or "unix"; empty: off
  std::vector<std::string> trusted_proxies;      // CIDRs or "unix"; empty: nobody
  Underscores underscores = Underscores::reject;
  Slashes slashes = Slashes::merge;
  EncodedSlash encoded_slash = EncodedSlash::reject;
  PathParameters path_parameters = PathParameters::reject;
  std::uint64_t max_request_line = 0;
  std::uint64_t max_header_bytes = 0;
  std::uint32_t max_header_fields = 0;
  std::uint64_t max_body = 0;                     // 0: no limit
  std::uint32_t max_connections = 0;              // 0: no limit
  std::uint32_t max_connections_per_address = 0;  // 0: no limit
  bool essential = false;                         // overload refuses nothing here
  Duration header_timeout{};
  Duration body_timeout{};
  Duration write_timeout{};
  Duration keepalive_timeout{};
  Duration tls_handshake_timeout{};
  bool h2c = false;      // plain connections may begin with HTTP/2
  bool h2_only = false;  // nobody may speak HTTP/1
  std::uint32_t h2_max_streams = 0;
  std::uint64_t h2_stream_window = 0;
  std::uint64_t h2_connection_window = 0;
  std::uint32_t h2_max_glitches = 0;
  TraceTrust trace_trust = TraceTrust::trusted;
  std::optional<ServerTls> tls;
};

struct UpstreamTls {
  std::string ca;   // PEM file; empty: the system's
  std::string sni;  // empty: the endpoint's host name
  bool verify = true;
  std::string cert;
  std::string key;
};

struct Upstream {
  std::string name;
  std::vector<std::string> endpoints;  // "host:port", "unix:/path"
  Discovery discovery;
  Duration connect_timeout{};
  Duration keepalive_timeout{};
  std::uint32_t max_idle = 0;  // kept connections per core and endpoint
  UpstreamProtocol protocol = UpstreamProtocol::http1;
  std::uint32_t h2_max_streams = 0;          // per connection; the peer's limit counts as well
  Duration max_connection_age{};             // 0: none; HTTP/2 connections
  std::uint64_t max_connection_streams = 0;  // 0: none; HTTP/2 connections
  std::optional<UpstreamTls> tls;
  std::optional<UpstreamHealth> health;  // none: endpoints are not checked
  UpstreamCircuit circuit;
  std::optional<UpstreamQueue> queue;        // none: what finds no room is refused
  std::optional<UpstreamAdaptive> adaptive;  // none: no limit but the circuit's
  UpstreamEjection ejection;
  UpstreamBalance balance;
  std::vector<UpstreamEndpoint> members;  // beside `endpoints`
  std::optional<UpstreamSticky> sticky;   // none: any endpoint will do
};

struct FixedReply {
  std::uint32_t status = 200;
  std::string body;
  std::string content_type;
};

struct HeaderEdits {
  NameValues set;
  NameValues add;
  std::vector<std::string> remove;
};

struct Route {
  std::string name;
  std::vector<std::string> listeners;  // names; empty: all
  std::vector<std::string> hosts;      // "api.example.com", "*.example.com"; empty: any
  std::string path;                    // "/exact", "/prefix/*", "/v1/models/{model}:predict"
  std::vector<std::string> methods;    // empty: any
  NameValues match_headers;            // value "*": present
  // Exactly one action:
  std::string forward;   // an upstream's name
  std::string redirect;  // target; {path}, {query} and variables are filled in
  std::uint32_t redirect_status = 308;
  std::optional<FixedReply> reply;
  // Forwarding:
  std::string strip_prefix;
  std::string rewrite;  // new path, a template over the path's variables
  bool preserve_host = true;
  HeaderEdits request_headers;
  HeaderEdits response_headers;
  Duration response_timeout{};  // to the first byte of the answer
  Duration idle_timeout{};      // between bytes of a body
  Duration request_timeout{};   // whole exchange; 0: none
  std::uint64_t max_body = 0;   // 0: the listener's
  bool buffer_request = false;
  std::string deadline_header;  // empty: none
  RouteRetry retry;
  std::optional<RouteHedge> hedge;
  OnClientFin on_client_fin = OnClientFin::serve;
  OnDisconnect on_disconnect = OnDisconnect::cancel;
  bool websocket = true;
  Duration websocket_idle_timeout{};           // of a tunnel, both directions silent
  bool grpc_web = false;                       // gRPC-Web from clients becomes gRPC
  std::vector<std::string> request_trailers;   // allow list
  std::vector<std::string> response_trailers;  // allow list
  ServerTiming server_timing = ServerTiming::never;
  std::optional<RouteAccess> access;  // none: anybody may
  RouteAudit audit = RouteAudit::off;
  bool audit_required = true;
};

struct Settings {
  std::uint32_t workers = 0;  // 0: one per CPU that the process may use
  Engine engine = Engine::automatic;
  OwnLog log;
  std::string admin_listen;  // "": none
  Duration drain_timeout{};
  std::string zone;  // where this process runs; empty: zones do not matter
  AccessLog access_log;
  Syslog syslog;
  std::optional<Trace> trace;
  std::optional<Drift> drift;
  Overload overload;
  Watchdog watchdog;
  Upgrade upgrade;
  std::vector<Listener> listeners;
  std::vector<Upstream> upstreams;
  std::vector<Route> routes;
  std::vector<Issuer> issuers;
  Credentials credentials;
  Assertion assertion;
  std::vector<Policy> policies;
  std::vector<RoleMapping> role_mappings;
  std::vector<Limit> limits;
  std::vector<AuditStream> audit;
};

}  // namespace postern::config
