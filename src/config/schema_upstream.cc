// The table's part on upstreams: where requests are forwarded to, and how those connections are made and kept.
#include <array>

#include "config/schema.h"
#include "config/schema_bind.h"
#include "config/syntax.h"

namespace postern::config {
namespace {

constexpr std::array kSections{
    bind::repeated<&Settings::upstreams>("upstream[]", "Servers that answer alike; requests go round robin."),
    bind::optional<&Upstream::tls>("upstream[].tls", "TLS towards the upstream; without this table it is plain."),
};

constexpr std::array kKeys{
    KeySpec{.path = "upstream[].name",
            .bind = bind::string<&Upstream::name>,
            .check = {check_name, "1 to 64 letters, digits, \"-\", \"_\" or \".\""},
            .required = true,
            .example = "\"models\"",
            .doc = "Unique; routes, logs and metrics use it."},
    KeySpec{.path = "upstream[].endpoints",
            .bind = bind::strings<&Upstream::endpoints>,
            .check = {check_endpoint, "\"host:port\", \"[::1]:9000\" or \"unix:/run/model.sock\""},
            .required = true,
            .example = "[\"127.0.0.1:9000\"]",
            .doc = "At least one server: host name or IP address with its port, or a Unix socket."},
    KeySpec{.path = "upstream[].connect_timeout",
            .bind = bind::duration<&Upstream::connect_timeout>,
            .fallback = "2s",
            .min = 1,
            .max = 600'000,
            .doc = "Time for a new connection, TLS handshake included."},
    KeySpec{.path = "upstream[].keepalive_timeout",
            .bind = bind::duration<&Upstream::keepalive_timeout>,
            .fallback = "4s",
            .max = 86'400'000,
            .doc = "How long an idle connection is kept; stay below the server's own timeout. 0s: never."},
    KeySpec{.path = "upstream[].max_idle",
            .bind = bind::integer<&Upstream::max_idle>,
            .fallback = "64",
            .max = 65536,
            .doc = "Idle connections kept per worker and endpoint."},
    KeySpec{.path = "upstream[].tls.ca",
            .bind = bind::file_name<&UpstreamTls::ca>,
            .doc = "PEM file of the authorities to trust; empty: the system's."},
    KeySpec{.path = "upstream[].tls.sni",
            .bind = bind::string<&UpstreamTls::sni>,
            .check = {check_server_name, "a host name"},
            .doc = "Server name to ask for and to verify; empty: the endpoint's host."},
    KeySpec{.path = "upstream[].tls.verify",
            .bind = bind::boolean<&UpstreamTls::verify>,
            .fallback = "true",
            .doc = "Whether the server's certificate is verified. Without it anyone on the way can read along."},
    KeySpec{.path = "upstream[].tls.cert",
            .bind = bind::file_name<&UpstreamTls::cert>,
            .doc = "PEM file of a client certificate to show; needs `key`."},
    KeySpec{.path = "upstream[].tls.key",
            .bind = bind::file_name<&UpstreamTls::key>,
            .doc = "PEM file of the client certificate's private key."},
};

}  // namespace

SchemaPart upstream_schema() { return {kSections, kKeys}; }

}  // namespace postern::config
