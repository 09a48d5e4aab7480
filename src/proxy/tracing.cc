// See tracing.h.
#include "proxy/tracing.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "http/list.h"
#include "proxy/request_context.h"
#include "route/route.h"

namespace postern::proxy {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Phase::count_)> kPhases{"queue", "auth", "cache"};

/// Unix time less the monotonic clock's.
Nanoseconds wall_offset() noexcept {
  timespec wall{};
  clock_gettime(CLOCK_REALTIME, &wall);
  return static_cast<Nanoseconds>(wall.tv_sec) * 1'000'000'000 + wall.tv_nsec - now_ns();
}

bool is_trusted(const RequestContext& rc) noexcept {
  switch (rc.listener.trace_trust) {
    case config::TraceTrust::always:
      return true;
    case config::TraceTrust::never:
      return false;
    case config::TraceTrust::trusted:
      break;
  }
  return rc.exchange.peer().trusted;
}

/// "Prefer: server-timing", among others, in any number of lines (RFC 7240).
bool asks_for_timing(const http::Fields& fields) noexcept {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields.id(i) != http::FieldId::other || !http::iequals(fields[i].name, "prefer")) continue;
    bool asked = false;
    http::for_each_token(fields[i].value,
                         [&](std::string_view token) { asked |= http::iequals(token, "server-timing"); });
    if (asked) return true;
  }
  return false;
}

bool wants_timing(const RequestContext& rc) noexcept {
  if (!rc.match.route || rc.grpc != grpc::Kind::none) return false;
  switch (rc.match.route->server_timing) {
    case config::ServerTiming::never:
      return false;
    case config::ServerTiming::always:
      return true;
    case config::ServerTiming::on_request:
      break;
  }
  return asks_for_timing(rc.exchange.request().fields);
}

/// Without the query, which may hold secrets.
std::string_view path_of(std::string_view target) noexcept { return target.substr(0, target.find('?')); }

char* write_timing(char* out, char* end, std::string_view name, Nanoseconds spent) noexcept {
  const auto written = fmt::format_to_n(out, static_cast<std::size_t>(end - out), "{};dur={:.3f}, ", name,
                                        static_cast<double>(spent) / 1e6);
  return written.out;
}

}  // namespace

trace::SpanId RequestTrace::make_span_id() noexcept {
  const trace::SpanId id = tracer_->random().next();
  return id != 0 ? id : 1;
}

void RequestTrace::start(RequestContext& rc, const trace::Settings& settings, trace::CoreTracer& tracer) noexcept {
  settings_ = &settings;
  tracer_ = &tracer;
  const trace::Headers headers = trace::find_headers(rc.request().fields);
  const bool trusted = is_trusted(rc);
  const trace::Incoming incoming = trace::read_headers(headers, settings.order());
  continue_or_begin(incoming, trusted);
  const bool continues = parent_ != 0 || (trusted && incoming.found && incoming.context.trace == trace_);
  has_headers_ = headers.any;
  keeps_baggage_ = trusted;
  keeps_state_ = continues && incoming.format == trace::Format::w3c && settings.inject().has(trace::Format::w3c) &&
                 headers.has_good_state;
  if (keeps_state_) state_ = headers.state;
  std::string_view xray;
  if (trusted && !headers.xray.empty()) {
    const auto root = trace::parse_xray(headers.xray);
    if (root) xray = headers.xray;
    // Two traces in one request, as where a load balancer begins one beside the caller's: the other one is linked.
    if (root && root->trace != trace_ && root->span != 0 && link_span_ == 0) {
      link_trace_ = root->trace;
      link_span_ = root->span;
    }
  }
  outgoing_.prepare(settings.inject(), trace_, span_, sampled_, xray);
}

void RequestTrace::continue_or_begin(const trace::Incoming& incoming, bool trusted) noexcept {
  const trace::Context& context = incoming.context;
  Random& random = tracer_->random();
  span_ = make_span_id();
  trace::Sampling decision = trace::Sampling::undecided;
  if (incoming.found && trusted) decision = context.sampling;
  if (incoming.found && trusted && context.trace.is_valid()) {
    trace_ = context.trace;
    parent_ = context.span;
  } else {
    const std::uint64_t high = random.next();
    trace_ = settings_->make_id(high, random.next());
    if (incoming.found && context.span != 0) {
      link_trace_ = context.trace;
      link_span_ = context.span;
    }
  }
  sampled_ = decision == trace::Sampling::undecided ? settings_->samples(trace_) : decision == trace::Sampling::yes;
  records_ = sampled_ && settings_->exports();
}

trace::SpanRecord RequestTrace::record_of(trace::SpanKind kind, trace::SpanId id, Nanoseconds started,
                                          Nanoseconds ended) const noexcept {
  const Nanoseconds offset = wall_offset();
  trace::SpanRecord record;
  record.trace = trace_;
  record.span = id;
  record.parent = kind == trace::SpanKind::server ? parent_ : span_;
  record.start_ns = started + offset;
  record.end_ns = ended + offset;
  record.kind = kind;
  record.state = state_;
  return record;
}

void RequestTrace::finish(const RequestContext& rc, Nanoseconds ended) noexcept {
  if (!records_) return;
  const http::RequestHead& head = rc.exchange.request();
  trace::SpanRecord record = record_of(trace::SpanKind::server, span_, rc.started, ended);
  record.link_trace = link_trace_;
  record.link_span = link_span_;
  record.status = rc.status;
  record.failed = rc.status == 0 || rc.status >= 500;
  record.http_major = head.minor_version == 2 ? 2 : 1;
  record.http_minor = head.minor_version == 2 ? 0 : head.minor_version;
  // A token of the client's own making is no name for a span.
  record.method = head.method == http::Method::other ? std::string_view() : head.method_token;
  record.path = path_of(head.target);
  record.scheme = head.scheme == http::Scheme::https ? "https" : "http";
  record.host = rc.authority;
  record.client = rc.client;
  record.user_agent = head.fields.find(http::FieldId::user_agent);
  record.listener = rc.listener.name;
  record.request_id = rc.request_id;
  if (const route::Route* route = rc.match.route) {
    record.route = route->name;
    record.template_path = rc.generation->snapshot->settings.routes[route->index].path;
    if (!rc.tunnel_space) record.model = route->model_of(rc.match);  // else the head is gone, with its path
  }
  if (rc.cluster) record.upstream = rc.cluster->name();
  if (rc.reason != metrics::Reason::none) record.error = metrics::to_string(rc.reason);
  tracer_->record(record);
}

void RequestTrace::begin(Phase phase) noexcept { phases_[static_cast<std::size_t>(phase)].started = now_ns(); }

void RequestTrace::end(Phase phase) noexcept {
  Waited& waited = phases_[static_cast<std::size_t>(phase)];
  const Nanoseconds now = now_ns();
  waited.spent += now - waited.started;
  if (!records_) return;
  trace::SpanRecord record = record_of(trace::SpanKind::internal, make_span_id(), waited.started, now);
  record.phase = kPhases[static_cast<std::size_t>(phase)];
  tracer_->record(record);
}

bool RequestTrace::inject(http::Fields& fields) noexcept {
  if (!settings_) return true;
  if (has_headers_) trace::strip_headers(fields, keeps_state_, keeps_baggage_);
  return outgoing_.add_to(fields);
}

TrySpan RequestTrace::begin_try() noexcept {
  if (!records_) return {};  // the headers name the request's own span, which nobody records either
  return {make_span_id(), now_ns(), tries_++};
}

void RequestTrace::end_try(const RequestContext& rc, const TrySpan& span, const TrySpanEnd& end) noexcept {
  if (span.id == 0) return;
  trace::SpanRecord record = record_of(trace::SpanKind::client, span.id, span.started, now_ns());
  const http::RequestHead& head = rc.exchange.request();
  record.method = head.method == http::Method::other ? std::string_view() : head.method_token;
  record.host = end.endpoint;
  record.resend = span.before;
  record.status = end.status;
  record.failed = end.status == 0 || end.status >= 400 || !end.error.empty();
  record.error = end.error;
  if (rc.cluster) record.upstream = rc.cluster->name();
  tracer_->record(record);
}

bool RequestTrace::add_server_timing(const RequestContext& rc, http::ResponseHead& head) noexcept {
  if (!wants_timing(rc)) return true;
  char* const end = timing_.data() + timing_.size();
  char* out = timing_.data();
  for (std::size_t i = 0; i < phases_.size(); ++i) {
    if (phases_[i].spent != 0) out = write_timing(out, end, kPhases[i], phases_[i].spent);
  }
  if (rc.first_byte != 0) out = write_timing(out, end, "upstream", rc.first_byte - rc.upstream_started);
  out = write_timing(out, end, "total", now_ns() - rc.started);
  const auto size = static_cast<std::size_t>(out - timing_.data()) - 2;  // without the last comma
  return head.fields.add("Server-Timing", {timing_.data(), size}, http::FieldId::other);
}

}  // namespace postern::proxy
