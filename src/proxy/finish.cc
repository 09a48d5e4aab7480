// The two ends of Pipeline::serve() that touch no network: what every request gets at its start (an id), and what is
// written down at its end (metrics, access log).

#include <ctime>

#include <algorithm>
#include <cstring>

#include "http/date.h"
#include "net/tls_session.h"
#include "proxy/grpc_call.h"
#include "proxy/heads.h"
#include "proxy/pipeline.h"
#include "route/route.h"

namespace postern::proxy {

namespace {

void write_hex(char* out, std::uint64_t value) noexcept {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) *out++ = kDigits[(value >> shift) & 15];
}

}  // namespace

void Pipeline::begin(RequestContext& rc) noexcept {
  ++in_flight_;
  metrics_.request_started();
  write_hex(rc.request_id_space.data(), random_.next());
  write_hex(rc.request_id_space.data() + 16, random_.next());
  rc.request_id = {rc.request_id_space.data(), rc.request_id_space.size()};
  rc.authority = rc.request().authority;
  find_client(rc);
  const trace::Settings* const tracing = rc.generation->snapshot->tracing.get();
  if (tracing && tracer_) rc.trace.start(rc, *tracing, *tracer_);
  find_grpc(rc);
}

void Pipeline::finish(RequestContext& rc) noexcept {
  --in_flight_;
  const Nanoseconds duration = now_ns() - rc.started;
  const Snapshot& snapshot = *rc.generation->snapshot;
  const metrics::Slot slot = rc.match.route ? snapshot.route_slots[rc.match.route->index] : metrics::kNoneSlot;
  metrics_.request_finished(metrics_.route(slot), rc.status, rc.reason, duration, rc.exchange.request_body().received(),
                            rc.exchange.response_bytes());
  if (rc.cluster && rc.first_byte != 0) {
    metrics::UpstreamRow& row = rc.cluster->metrics();
    row.responses[metrics::status_class(rc.status)].add();
    row.first_byte.record(rc.first_byte - rc.upstream_started);
    row.bytes_out.add(rc.exchange.request_body().received());
    row.bytes_in.add(rc.exchange.response_bytes());
    if (rc.relayed && rc.status >= 500) row.failed(metrics::FailureCause::upstream_5xx);
  }
  if (rc.caller && rc.caller->limited)
    rc.caller->taken.charge_body(rc.exchange.request_body().received(), rc.started + duration);
  if (audit_.concerns(rc)) audit_.record_outcome(rc, duration);
  note_drift(rc);
  if (rc.trace.is_on()) rc.trace.finish(rc, rc.started + duration);
  if (!log_.is_enabled()) return;
  const bool has_failed = rc.reason != metrics::Reason::none || rc.status >= 500 || rc.status == 0;
  if (log_.wants(rc.request_id, has_failed)) log(rc, duration);
}

/// Only what was a success says how fast a model is, and that there is such a model.
void Pipeline::note_drift(const RequestContext& rc) noexcept {
  const Snapshot& snapshot = *rc.generation->snapshot;
  if (!snapshot.settings.drift || !rc.cluster || rc.first_byte == 0 || rc.status / 100 != 2) return;
  const std::string_view model = rc.match.route->model_of(rc.match);
  const metrics::Slot slot = snapshot.upstreams[rc.match.route->forward()->upstream].slot;
  metrics_.models().record(slot, model.empty() ? metrics::kNoModel : model, snapshot.settings.drift->max_models,
                           rc.first_byte - rc.upstream_started);
}

void Pipeline::log(RequestContext& rc, Nanoseconds duration) noexcept {
  const http::RequestHead& head = rc.request();
  accesslog::AccessRecord record;
  record.time_ns = rc.started;
  record.duration_ns = duration;
  if (rc.first_byte != 0) record.upstream_ns = rc.first_byte - rc.upstream_started;
  record.bytes_in = rc.exchange.request_body().received();
  record.bytes_out = rc.exchange.response_bytes();
  record.status = rc.status;
  record.retries = rc.retries;
  record.http_major = head.minor_version == 2 ? 2 : 1;
  record.http_minor = head.minor_version == 2 ? 0 : head.minor_version;
  record.request_id = rc.request_id;
  record.client = rc.client;
  record.listener = rc.listener.name;
  if (rc.match.route) record.route = rc.match.route->name;
  if (rc.principal) record.user = rc.principal->subject;
  if (rc.caller) record.access = why_not(*rc.caller);
  record.method = head.method_token;
  record.host = rc.authority;
  record.target = head.target;
  if (rc.cluster) record.upstream = rc.cluster->name();
  if (rc.endpoint) record.endpoint = rc.endpoint->name();
  record.tls_version = rc.exchange.peer().tls_version;
  record.user_agent = head.fields.find(http::FieldId::user_agent);
  record.referer = head.fields.find("Referer");
  if (rc.reason != metrics::Reason::none) record.error = metrics::to_string(rc.reason);
  record.trace_id = rc.trace.id_text();
  log_.write(record);
}

std::string_view Pipeline::date() noexcept {
  timespec wall{};
  clock_gettime(CLOCK_REALTIME_COARSE, &wall);
  if (wall.tv_sec != date_second_) {
    date_second_ = wall.tv_sec;
    http::write_date(date_text_.data(), wall.tv_sec);
  }
  return {date_text_.data(), http::kDateSize};
}

}  // namespace postern::proxy
