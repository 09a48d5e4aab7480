#include "server/build.h"

#include <algorithm>

#include "base/log.h"
#include "config/print.h"
#include "crypto/hmac.h"
#include "identity/core_identity.h"
#include "net/tls_client_context.h"
#include "net/tls_material.h"
#include "net/tls_server_context.h"
#include "server/build_health.h"
#include "server/build_job.h"
#include "server/build_policy.h"
#include "trace/exporter.h"

namespace postern::server {

using proxy::ListenerPolicy;
using proxy::Snapshot;

namespace {

wire::H1Settings h1_settings(const config::Listener& listener) {
  wire::H1Settings h1;
  h1.limits = {listener.max_request_line, listener.max_header_bytes, listener.max_header_fields, listener.underscores};
  h1.uri.slashes = listener.slashes == config::Slashes::merge ? http::Slashes::merge : http::Slashes::keep;
  h1.uri.encoded_slash =
      listener.encoded_slash == config::EncodedSlash::reject ? http::EncodedSlash::reject : http::EncodedSlash::keep;
  h1.uri.parameters = listener.path_parameters == config::PathParameters::reject ? http::PathParameters::reject
                                                                                 : http::PathParameters::keep;
  h1.scheme = listener.tls ? http::Scheme::https : http::Scheme::http;
  h1.max_body = listener.max_body;
  h1.header_timeout_ms = listener.header_timeout.count();
  h1.body_timeout_ms = listener.body_timeout.count();
  h1.write_timeout_ms = listener.write_timeout.count();
  h1.keepalive_timeout_ms = listener.keepalive_timeout.count();
  return h1;
}

wire::H2Settings h2_settings(const config::Listener& listener) {
  wire::H2Settings h2;
  h2.cleartext = listener.h2c && !listener.tls;
  h2.only = listener.h2_only;
  h2.max_streams = listener.h2_max_streams;
  h2.stream_window = static_cast<std::uint32_t>(listener.h2_stream_window);
  h2.connection_window = static_cast<std::uint32_t>(listener.h2_connection_window);
  h2.max_header_bytes = static_cast<std::uint32_t>(listener.max_header_bytes);
  h2.max_header_fields = listener.max_header_fields;
  h2.max_glitches = listener.h2_max_glitches;
  h2.write_timeout_ms = listener.write_timeout.count();
  return h2;
}

/// What bounds the requests to an upstream.
void set_limits(const config::Upstream& upstream, upstream::ClusterSpec& cluster) {
  upstream::Circuit::Settings& circuit = cluster.limits.circuit;
  circuit.max_connections = upstream.circuit.max_connections;
  circuit.max_in_flight = upstream.circuit.max_in_flight;
  if (upstream.adaptive) {
    circuit.adaptive = {.initial = static_cast<double>(upstream.adaptive->initial),
                        .min = static_cast<double>(upstream.adaptive->min),
                        .max = static_cast<double>(upstream.adaptive->max),
                        .tolerance = upstream.adaptive->tolerance / 100.0};
  }
  if (upstream.queue)
    cluster.queue = upstream::QueueSettings{upstream.queue->max_waiting, upstream.queue->max_wait.count()};
}

/// Everything of an upstream that must be equal for its kept connections to serve on after a reload. Endpoints may
/// change meanwhile.
std::string identity_of(const config::Upstream& upstream, const std::string& zone, const crypto::SecretText* key) {
  config::Settings alone;
  alone.zone = zone;
  alone.upstreams.push_back(upstream);
  alone.upstreams.front().endpoints.clear();
  alone.upstreams.front().members.clear();
  alone.upstreams.front().health.reset();
  alone.upstreams.front().discovery = {};
  crypto::Hmac mac{};
  if (key) static_cast<void>(crypto::hmac_sha256(key->reveal(), "identity", mac));
  return config::print(alone) + std::string(mac.begin(), mac.end());
}

}  // namespace

std::size_t SnapshotBuilder::index_of(const std::string& listener) {
  const auto found = std::find(names_.begin(), names_.end(), listener);
  if (found != names_.end()) return static_cast<std::size_t>(found - names_.begin());
  names_.push_back(listener);
  return names_.size() - 1;
}

std::shared_ptr<const crypto::TicketKeys> SnapshotBuilder::ticket_keys(const config::Listener& listener) {
  auto& keys = keys_[listener.name];
  if (!keys)
    keys = std::make_shared<crypto::TicketKeys>(listener.tls->ticket_rotation, std::chrono::steady_clock::now());
  else
    keys->set_interval(listener.tls->ticket_rotation);
  return keys;
}

void SnapshotBuilder::rotate_ticket_keys() {
  for (auto& [name, keys] : keys_) keys->rotate(std::chrono::steady_clock::now());
}

void SnapshotBuilder::add_listener(Job& job, std::size_t position) {
  const config::Listener& listener = job.loaded.settings.listeners[position];
  const std::size_t index = index_of(listener.name);
  if (job.out.listeners.size() <= index) job.out.listeners.resize(index + 1);
  ListenerPolicy& policy = job.out.listeners[index];
  policy = {};  // nothing of the generation before: what the settings dropped must be gone
  policy.name = listener.name;
  policy.slot = registry_.listener(listener.name);
  policy.h1 = h1_settings(listener);
  policy.h2 = h2_settings(listener);
  policy.trusted_proxies = net::CidrList(listener.trusted_proxies);
  policy.trace_trust = listener.trace_trust;
  policy.proxy_protocol_from = net::CidrList(listener.proxy_protocol_from);
  if (listener.max_connections != 0) {
    policy.max_connections = static_cast<std::uint32_t>((listener.max_connections + job.cores - 1) / job.cores);
  }
  policy.max_connections_per_address = listener.max_connections_per_address;
  policy.essential = listener.essential;
  policy.tls_handshake_timeout_ms = listener.tls_handshake_timeout.count();
  if (!listener.tls) return;
  policy.tls_settings = *listener.tls;
  policy.strict_server_name =
      listener.tls->certificates.size() > 1 || listener.tls->client_auth != config::ClientAuth::none;
  policy.ticket_keys = ticket_keys(listener);
  const std::string owner = "listener " + listener.name;
  net::LoadedTls material = net::TlsMaterial::load(owner, *listener.tls);
  for (const std::string& warning : material.warnings) log::warn(warning);
  std::string refused;
  if (material.material) {
    if (!net::TlsServerContext::make(owner, *listener.tls, material.material, policy.ticket_keys, job.library,
                                     refused)) {
      material.material = nullptr;
      material.errors.push_back(refused);
    }
  }
  policy.tls_material = material.material;
  if (material.material) return;
  const bool keep = job.on_bad_certificate == OnBadCertificate::keep_old && last_ && index < last_->listeners.size();
  for (std::string& error : material.errors) {
    if (keep)
      log::error("certificates not reloaded, the old ones stay", {{"why", error}});
    else
      job.complain("listener[" + std::to_string(position) + "].tls", std::move(error));
  }
  if (keep) kept_old_ = true;
  if (keep) policy.tls_material = last_->listeners[index].tls_material;
}

void SnapshotBuilder::add_upstream(Job& job, std::size_t position) {
  const config::Upstream& upstream = job.loaded.settings.upstreams[position];
  const std::string key = "upstream[" + std::to_string(position) + "]";
  Snapshot::UpstreamSpec spec;
  spec.slot = registry_.upstream(upstream.name);
  spec.cluster.name = upstream.name;
  spec.cluster.connect_timeout_ms = upstream.connect_timeout.count();
  spec.cluster.limits.keepalive_timeout_ms = upstream.keepalive_timeout.count();
  spec.cluster.limits.max_idle = upstream.max_idle;
  set_limits(upstream, spec.cluster);
  spec.cluster.protocol = upstream.protocol;
  spec.cluster.shared = {.max_streams = upstream.h2_max_streams,
                         .max_age_ms = upstream.max_connection_age.count(),
                         .max_requests = upstream.max_connection_streams,
                         .idle_timeout_ms = upstream.keepalive_timeout.count()};
  if (upstream.health) spec.health = health_spec(*upstream.health);
  spec.cluster.ejection = ejection_spec(upstream.ejection);
  add_endpoints(job, position, spec);
  add_balancing(job, position, spec);
  if (upstream.tls) {
    const std::string owner = "upstream " + upstream.name;
    net::LoadedTls material = net::TlsMaterial::load(owner, *upstream.tls);
    std::string refused;
    if (material.material && !net::TlsClientContext::make(owner, *upstream.tls, upstream.protocol, material.material,
                                                          job.library, refused)) {
      material.material = nullptr;
      material.errors.push_back(refused);
    }
    const std::size_t before = job.out.upstreams.size();
    const bool keep = job.on_bad_certificate == OnBadCertificate::keep_old && last_ && before < last_->upstreams.size();
    for (std::string& error : material.errors) {
      if (keep)
        log::error("upstream certificates not reloaded, the old ones stay", {{"why", error}});
      else
        job.complain(key + ".tls", std::move(error));
    }
    if (keep && !material.material) kept_old_ = true;
    spec.tls_material = material.material ? material.material : keep ? last_->upstreams[before].tls_material : nullptr;
    spec.tls_settings = *upstream.tls;
  }
  spec.cluster.identity = identity_of(upstream, job.out.settings.zone, spec.cluster.sticky_key.get());
  job.out.upstreams.push_back(std::move(spec));
}

void SnapshotBuilder::add_routes(Job& job) {
  const std::vector<config::Upstream>& upstreams = job.loaded.settings.upstreams;
  const auto find_upstream = [&](std::string_view name) -> std::optional<std::uint32_t> {
    for (std::size_t i = 0; i < upstreams.size(); ++i) {
      if (upstreams[i].name == name) return static_cast<std::uint32_t>(i);
    }
    return std::nullopt;
  };
  std::vector<route::Problem> problems;
  job.out.routes = route::RouteTable::build(job.loaded.settings.routes, names_, find_upstream, problems);
  for (route::Problem& problem : problems) job.complain(problem.key, std::move(problem.message));
  if (!job.out.routes) return;
  for (const route::Route& route : job.out.routes->routes()) job.out.route_slots.push_back(registry_.route(route.name));
}

void SnapshotBuilder::add_tracing(Job& job) {
  const std::optional<config::Trace>& trace = job.loaded.settings.trace;
  if (!trace) return;
  job.out.tracing = std::make_shared<const trace::Settings>(*trace);
  if (!trace->otlp || !trace->otlp->endpoint.starts_with("https:")) return;
  const config::UpstreamTls tls = trace::tls_of(trace->otlp->tls);
  net::LoadedTls material = net::TlsMaterial::load("trace.otlp", tls);
  std::string refused;
  if (material.material && !net::TlsClientContext::make("trace.otlp", tls, config::UpstreamProtocol::http1,
                                                        material.material, job.library, refused)) {
    material.material = nullptr;
    material.errors.push_back(refused);
  }
  const bool keep = job.on_bad_certificate == OnBadCertificate::keep_old && last_;
  for (std::string& error : material.errors) {
    if (keep)
      log::error("certificates towards the trace collector not reloaded, the old ones stay", {{"why", error}});
    else
      job.complain("trace.otlp.tls", std::move(error));
  }
  if (keep && !material.material) kept_old_ = true;
  job.out.tracing_material = material.material ? material.material : keep ? last_->tracing_material : nullptr;
}

std::shared_ptr<const Snapshot> SnapshotBuilder::build(const config::LoadResult& loaded, std::size_t cores,
                                                       OnBadCertificate policy,
                                                       std::vector<config::Diagnostic>& diagnostics,
                                                       const KeepKeys& keep) {
  const std::size_t before = diagnostics.size();
  kept_old_ = false;
  auto snapshot = std::make_shared<Snapshot>();
  Job job{loaded, cores, policy, diagnostics, *snapshot};
  snapshot->settings = loaded.settings;
  if (last_)
    snapshot->listeners = last_->listeners;  // places of those that are gone: connections may still refer to them
  for (std::size_t i = 0; i < loaded.settings.listeners.size(); ++i) add_listener(job, i);
  for (std::size_t i = 0; i < loaded.settings.upstreams.size(); ++i) add_upstream(job, i);
  add_routes(job);
  add_identity(job);
  build_policies(loaded, cores, *snapshot, diagnostics);
  add_access(job);
  add_tracing(job);
  add_hash_variables(job);
  if (diagnostics.size() != before) return nullptr;
  snapshot->number = ++number_;
  auto identity = std::make_shared<identity::IdentitySources>(*snapshot->identity);
  identity->generation = number_;
  if (keep) identity->issuers = keep(loaded.settings);
  snapshot->identity = std::move(identity);
  snapshot->cores = cores;
  snapshot->slots = registry_.counts();
  return snapshot;
}

}  // namespace postern::server
