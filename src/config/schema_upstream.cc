// The table's part on upstreams: where requests are forwarded to, and how those connections are made and kept.
#include <array>

#include "config/schema.h"
#include "config/schema_bind.h"
#include "config/syntax.h"

namespace postern::config {
namespace {

// Words stand in the order of their enum.
constexpr std::array<std::string_view, 3> kProtocols{"http/1.1", "h2", "auto"};

constexpr std::array kSections{
    bind::repeated<&Settings::upstreams>("upstream[]", "Servers that answer alike."),
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
            .example = "[\"127.0.0.1:9000\"]",
            .doc = "Servers: IP address or host name with its port, or a Unix socket. Every address of a name is one "
                   "endpoint, and names are looked up again as DNS says. [[upstream.endpoint]] is the long form."},
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
            .fallback = "256",
            .max = 65536,
            .doc = "Idle connections kept per worker and endpoint."},
    KeySpec{.path = "upstream[].protocol",
            .bind = bind::word<&Upstream::protocol>,
            .fallback = "http/1.1",
            .words = kProtocols,
            .doc =
                "What the servers speak; gRPC needs h2 (prior knowledge on plain connections). auto: what TLS agrees "
                "on, HTTP/1.1 without TLS."},
    KeySpec{.path = "upstream[].h2_max_streams",
            .bind = bind::integer<&Upstream::h2_max_streams>,
            .fallback = "100",
            .min = 1,
            .max = 10'000,
            .doc =
                "Requests at a time on one HTTP/2 connection, where the server does not allow fewer; more open another "
                "connection."},
    KeySpec{.path = "upstream[].max_connection_age",
            .bind = bind::duration<&Upstream::max_connection_age>,
            .fallback = "0s",
            .max = 30ull * 86'400'000,
            .doc = "An HTTP/2 connection gets no new requests after this time, plus or minus a tenth; 0s: no limit."},
    KeySpec{.path = "upstream[].max_connection_streams",
            .bind = bind::integer<&Upstream::max_connection_streams>,
            .fallback = "0",
            .max = 1'000'000'000,
            .doc = "An HTTP/2 connection gets no new requests after this many; 0: no limit."},
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
