// The table's part on tracing: contexts in and out, sampling, the OTLP exporter, Server-Timing.
#include <array>

#include "config/schema.h"
#include "config/schema_bind.h"
#include "config/share.h"
#include "config/syntax.h"

namespace postern::config {
namespace {

// Words stand in the order of their enum.
constexpr std::array<std::string_view, 3> kTrust{"trusted", "always", "never"};
constexpr std::array<std::string_view, 3> kServerTiming{"never", "on-request", "always"};
constexpr std::array<std::string_view, 2> kEncodings{"protobuf", "json"};
constexpr std::array<std::string_view, 2> kCompressions{"none", "gzip"};
constexpr std::array<std::string_view, 3> kExtract{"w3c", "b3", "xray"};
constexpr std::array<std::string_view, 4> kInject{"w3c", "b3", "b3-multi", "xray"};

std::string check_service_name(std::string_view text) { return text.size() <= 255 ? "" : "too long"; }
std::string check_attribute(std::string_view text) { return !text.empty() && text.size() <= 255 ? "" : "bad length"; }

constexpr std::array kSections{
    bind::optional<&Settings::trace>(
        "trace", "Distributed tracing; without this table trace headers pass like any others and no span is made."),
    bind::optional<&Trace::otlp>("trace.otlp",
                                 "Where spans are sent to (OTLP over HTTP); without this table contexts are passed on "
                                 "only."),
    bind::inside<&TraceOtlp::tls>("trace.otlp.tls", "TLS towards the collector, for an https endpoint."),
};

constexpr std::array kKeys{
    KeySpec{.path = "listener[].trace_trust",
            .bind = bind::word<&Listener::trace_trust>,
            .fallback = "trusted",
            .words = kTrust,
            .doc = "Whose trace context is continued: that of trusted_proxies, everybody's or nobody's. Of others the "
                   "trace is begun anew, with a link to theirs. Needs [trace]."},
    KeySpec{.path = "route[].server_timing",
            .bind = bind::word<&Route::server_timing>,
            .fallback = "never",
            .words = kServerTiming,
            .doc = "Server-Timing in answers: never, always, or to requests with \"Prefer: server-timing\". It shows "
                   "outsiders how long the upstream took."},
    KeySpec{.path = "trace.extract",
            .bind = bind::strings<&Trace::extract>,
            .fallback = "w3c b3 xray",
            .words = kExtract,
            .doc = "Kinds of context to look for in requests; the first that is there and valid counts."},
    KeySpec{.path = "trace.inject",
            .bind = bind::strings<&Trace::inject>,
            .fallback = "w3c",
            .words = kInject,
            .doc = "Kinds of context that upstreams get; all others are taken off."},
    KeySpec{.path = "trace.sample",
            .bind = bind::string<&Trace::sample>,
            .fallback = "1%",
            .check = {check_share, "a share such as \"1%\" or \"0.01%\""},
            .doc = "Share of traces begun here that are recorded; of those continued, the caller decides."},
    KeySpec{.path = "trace.service_name",
            .bind = bind::string<&Trace::service_name>,
            .fallback = "postern",
            .check = {check_service_name, "at most 255 bytes"},
            .doc = "The attribute service.name of all spans."},
    KeySpec{.path = "trace.resource",
            .bind = bind::name_values<&Trace::resource>,
            .check = {check_attribute, "an attribute's name"},
            .doc = "Further attributes of the process, such as { \"deployment.environment.name\" = \"prod\" }."},
    KeySpec{.path = "trace.otlp.endpoint",
            .bind = bind::string<&TraceOtlp::endpoint>,
            .check = {check_http_url, "a URL such as \"http://127.0.0.1:4318/v1/traces\""},
            .required = true,
            .example = "\"http://127.0.0.1:4318/v1/traces\"",
            .doc = "The collector's whole URL, http or https."},
    KeySpec{.path = "trace.otlp.encoding",
            .bind = bind::word<&TraceOtlp::encoding>,
            .fallback = "protobuf",
            .words = kEncodings,
            .doc = "How spans are written; every collector reads protobuf, most read JSON."},
    KeySpec{.path = "trace.otlp.compression",
            .bind = bind::word<&TraceOtlp::compression>,
            .fallback = "none",
            .words = kCompressions,
            .doc = "Whether requests to the collector are compressed."},
    KeySpec{.path = "trace.otlp.headers",
            .bind = bind::name_values<&TraceOtlp::headers>,
            .check = {check_editable_header, "a header's name"},
            .value_check = {check_header_value, "a header's value"},
            .secret = true,
            .doc = "Headers of requests to the collector, such as its API key."},
    KeySpec{.path = "trace.otlp.timeout",
            .bind = bind::duration<&TraceOtlp::timeout>,
            .fallback = "10s",
            .min = 10,
            .max = 600'000,
            .doc = "Time for one request to the collector."},
    KeySpec{.path = "trace.otlp.interval",
            .bind = bind::duration<&TraceOtlp::interval>,
            .fallback = "1s",
            .min = 10,
            .max = 60'000,
            .doc = "How long spans are gathered before they are sent, at the most."},
    KeySpec{.path = "trace.otlp.batch",
            .bind = bind::integer<&TraceOtlp::batch>,
            .fallback = "512",
            .min = 1,
            .max = 10'000,
            .doc = "Spans in one request to the collector, at the most."},
    KeySpec{.path = "trace.otlp.queue",
            .bind = bind::integer<&TraceOtlp::queue>,
            .fallback = "4096",
            .min = 64,
            .max = 1 << 20,
            .doc = "Spans that may wait for the collector, per worker; further ones are dropped and counted."},
    KeySpec{.path = "trace.otlp.tls.ca",
            .bind = bind::file_name<&OtlpTls::ca>,
            .doc = "PEM file of the authorities to trust; empty: the system's."},
    KeySpec{.path = "trace.otlp.tls.sni",
            .bind = bind::string<&OtlpTls::sni>,
            .check = {check_server_name, "a host name"},
            .doc = "Server name to ask for and to verify; empty: the endpoint's host."},
    KeySpec{.path = "trace.otlp.tls.cert",
            .bind = bind::file_name<&OtlpTls::cert>,
            .doc = "PEM file of a client certificate to show; needs `key`."},
    KeySpec{.path = "trace.otlp.tls.key",
            .bind = bind::file_name<&OtlpTls::key>,
            .doc = "PEM file of the client certificate's private key."},
};

}  // namespace

SchemaPart trace_schema() { return {kSections, kKeys}; }

}  // namespace postern::config
