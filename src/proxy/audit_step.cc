#include "proxy/audit_step.h"

#include "route/route.h"

namespace postern::proxy {

namespace {

/// What is known before the request goes on.
audit::AuditRecord record_of(RequestContext& rc) noexcept {
  const route::Route& route = *rc.match.route;
  audit::AuditRecord record;
  record.time = rc.started;
  record.request_id = rc.request_id;
  record.trace_id = rc.trace.id_text();
  record.client = rc.client;
  record.route = route.name;
  record.method = rc.request().method_token;
  record.host = rc.authority;
  record.path = rc.matched_path;
  record.model = route.model_of(rc.match);
  record.action = route.forward() ? "forward" : route.redirect() ? "redirect" : "reply";
  if (rc.principal) {
    const Principal& who = *rc.principal;
    record.subject = who.subject;
    record.issuer = who.issuer;
    record.client_id = who.client_id;
    record.credential = to_string(who.credential);
    record.credential_id = who.credential_id;
  }
  return record;
}

/// Whether they may, and by which rule.
void add_decision(audit::AuditRecord& record, RequestContext& rc) noexcept {
  const bool refused =
      rc.reason == metrics::Reason::unauthenticated || rc.reason == metrics::Reason::denied ||
      rc.reason == metrics::Reason::invalid_credential || rc.reason == metrics::Reason::bad_credential ||
      rc.reason == metrics::Reason::insufficient_scope || rc.reason == metrics::Reason::rate_limited ||
      rc.reason == metrics::Reason::identity_unavailable || rc.reason == metrics::Reason::audit_unavailable;
  record.decision = refused ? "deny" : "allow";
  if (rc.caller) record.reason = why(*rc.caller);
  if (record.reason.empty() && refused) record.reason = metrics::to_string(rc.reason);
}

}  // namespace

Task<bool> AuditStep::record_intent(RequestContext& rc) {
  audit::AuditRecord record = record_of(rc);
  add_decision(record, rc);
  const bool required = rc.generation->snapshot->access->audit_of(rc.match.route->index).required;
  const Result<audit::IntentTicket> ticket = trail_->intend(stream_of(rc), record);
  if (!ticket) co_return !required;
  rc.has_intent = true;
  if (!ticket->must_wait()) co_return true;
  const audit::IntentTicket number = *ticket;
  const Result<void> written = co_await trail_->written(number);
  rc.has_intent = written.has_value();  // else nobody knows, and the outcome says all of it
  co_return written.has_value() || !required;
}

// Behind an intent only what that could not say: the rest of the record would not be written.
void AuditStep::record_outcome(RequestContext& rc, Nanoseconds duration) noexcept {
  audit::AuditRecord record;
  if (rc.has_intent) {
    record.request_id = rc.request_id;
  } else {
    record = record_of(rc);
    add_decision(record, rc);
  }
  record.time = rc.started + duration;
  record.status = rc.status;
  record.bytes_in = rc.exchange.request_body().received();
  record.bytes_out = rc.exchange.response_bytes();
  record.latency = duration;
  if (rc.cluster) record.upstream = rc.cluster->name();
  if (rc.endpoint) record.endpoint = rc.endpoint->name();
  trail_->outcome(stream_of(rc), record, rc.has_intent);
}

}  // namespace postern::proxy
