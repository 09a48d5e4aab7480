#include "proxy/pipeline.h"

#include "proxy/failure.h"
#include "proxy/forward.h"
#include "proxy/heads.h"
#include "route/route.h"

namespace postern::proxy {

using metrics::Reason;

Pipeline::Pipeline(net::Loop& loop, metrics::CoreMetrics& metrics, accesslog::CoreLog& log, trace::CoreTracer* tracer,
                   std::uint32_t core)
    : loop_(loop), metrics_(metrics), log_(log), tracer_(tracer), gate_(loop, metrics, core), audit_(loop) {}

// The life of one request. Steps return a Reply; only serve() writes one. Every request reaches finish() exactly once.
Task<void> Pipeline::serve(Exchange& exchange) {
  RequestContext rc(exchange, generation_, now_ns());  // pins ONE config generation until the last byte
  begin(rc);
  const Reply* reply = co_await decide(rc);
  if (reply) {
    write_reply(rc, *reply);
    if (exchange.response_body().try_flush() == Flushed::blocked) {
      const Result<void> flushed = co_await exchange.response_body().flush();
      static_cast<void>(flushed);  // nobody left to tell; the wire sees the failed sink
    }
  }
  finish(rc);  // metrics, access log: plain code, cannot suspend
}

void Pipeline::shed(std::string_view retry_after) noexcept {
  shedding_ = static_cast<std::uint8_t>(retry_after.copy(retry_after_.data(), retry_after_.size()));
}

const Reply* Pipeline::refuse(RequestContext& rc) noexcept {
  metrics_.shed(metrics::Shed::request);
  return keep_reply(rc, {.status = 503,
                         .reason = Reason::overload,
                         .detail = "postern has no resources left",
                         .header_name = "Retry-After",
                         .header_value = {retry_after_.data(), shedding_}});
}

Task<const Reply*> Pipeline::decide(RequestContext& rc) {
  if (shedding_ != 0 && !rc.listener.essential) co_return refuse(rc);  // 0. room? before anything is done
  if (const Reply* reply = route(rc)) co_return reply;                 // 1. where to?
  if (const AccessRule* rule = rc.generation->snapshot->access->of(rc.match.route->index)) {
    if (const Reply* reply = gate_.recall(rc, *rule)) co_return reply;  // 2. who is asking? mostly known
    if (rc.caller->unknown) {
      const Reply* reply = co_await gate_.authenticate(rc, *rule);
      if (reply) co_return reply;
    }
    if (const Reply* reply = gate_.authorize(rc, *rule)) co_return reply;  // 3. may they, and how much?
  }
  if (audit_.wants_intent(rc)) {  // 4. on the record, before anything happens
    const bool recorded = co_await audit_.record_intent(rc);
    if (!recorded) co_return refuse_unrecorded(rc);
  }
  if (const Reply* reply = answer_here(rc)) co_return reply;  // 5. a redirect or a fixed text: done
  // Room for the issues to come: cache.
  Forwarder forwarder(loop_, rc, date());  // 6. forward, with tries
  const Reply* reply = co_await forwarder.run();
  co_return reply ? keep_reply(rc, *reply) : nullptr;
}

const Reply* Pipeline::refuse_unrecorded(RequestContext& rc) noexcept {
  return keep_reply(rc, {.status = 503,
                         .reason = Reason::audit_unavailable,
                         .detail = "the request cannot be recorded, and has not been forwarded",
                         .header_name = "Retry-After",
                         .header_value = "1"});
}

Task<void> Pipeline::reject(Exchange& exchange, std::uint16_t status, const char* reason) {
  RequestContext rc(exchange, generation_, now_ns());
  begin(rc);
  Reply reply{.status = status, .reason = reject_reason(status, reason), .detail = reason};
  if (status == 426) {  // the only version of WebSocket there is
    reply.header_name = "Sec-WebSocket-Version";
    reply.header_value = "13";
  }
  write_reply(rc, reply);
  if (exchange.response_body().try_flush() == Flushed::blocked) {
    const Result<void> flushed = co_await exchange.response_body().flush();
    static_cast<void>(flushed);
  }
  finish(rc);
}

const Reply* Pipeline::route(RequestContext& rc) noexcept {
  const http::RequestHead& head = rc.request();
  rc.authority = head.authority;
  if (head.method == http::Method::connect || head.method == http::Method::trace) {
    return keep_reply(rc, {.status = 405,
                           .reason = Reason::method_not_allowed,
                           .detail = "this method is never served",
                           .header_name = "Allow",
                           .header_value = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"});
  }
  if (head.path == "*")
    return keep_reply(
        rc, {.status = 204, .header_name = "Allow", .header_value = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"});
  const Peer& peer = rc.exchange.peer();
  if (rc.listener.strict_server_name && peer.covers && !peer.covers(peer.connection, head.host)) {
    return keep_reply(
        rc, {.status = 421, .reason = Reason::misdirected, .detail = "this connection was opened for another host"});
  }
  const route::MatchInput input{peer.listener, head.host, head.path, head.method, head.method_token, head.fields};
  rc.generation->snapshot->routes->match(input, rc.match);
  rc.matched_path = head.path;
  if (rc.match.outcome == route::Outcome::no_route) {
    return keep_reply(rc, {.status = 404, .reason = Reason::not_found, .detail = "no route leads there"});
  }
  if (rc.match.outcome == route::Outcome::method_not_allowed) {
    const std::string_view allow =
        rc.generation->snapshot->routes->write_allow(rc.match.allowed, {rc.text_space.data(), rc.text_space.size()});
    return keep_reply(rc, {.status = 405,
                           .reason = Reason::method_not_allowed,
                           .detail = "the route does not take this method",
                           .header_name = "Allow",
                           .header_value = allow});
  }
  const std::uint64_t most = rc.match.route->max_body != 0 ? rc.match.route->max_body : rc.listener.h1.max_body;
  if (most == 0 || !head.protocol.empty()) return nullptr;                    // a tunnel is no body
  if (head.framing == http::Framing::length && head.content_length > most) {  // known before any of it came
    return keep_reply(rc, {.status = 413, .reason = Reason::body_too_large, .detail = "body over the limit"});
  }
  rc.exchange.limit_request_body(most);
  return nullptr;
}

const Reply* Pipeline::answer_here(RequestContext& rc) noexcept {
  const route::Route& route = *rc.match.route;
  if (const route::Forward* forward = route.forward()) {
    if (!rc.request().protocol.empty() && !forward->websocket) {
      return keep_reply(rc, {.status = 403,
                             .reason = Reason::websocket_refused,
                             .detail = "WebSocket connections are not allowed on this route"});
    }
    if (rewrite_path(rc, *forward)) return nullptr;
    return keep_reply(rc, {.status = 400, .reason = Reason::bad_target, .detail = "the path cannot be rewritten"});
  }
  if (const route::Redirect* to = route.redirect()) return redirect(rc, *to);
  const route::FixedReply& fixed = *route.reply();
  return keep_reply(rc, {.status = fixed.status, .body = fixed.body, .content_type = fixed.content_type});
}

const Reply* Pipeline::redirect(RequestContext& rc, const route::Redirect& redirect) noexcept {
  const http::RequestHead& head = rc.request();
  const route::RedirectInput input{client_scheme(rc) == http::Scheme::https ? "https" : "http", head.authority,
                                   head.path, head.query};
  const auto location = redirect.target.fill(input, rc.match, {rc.text_space.data(), rc.text_space.size()});
  if (!location)
    return keep_reply(
        rc, {.status = 400, .reason = Reason::bad_target, .detail = "no redirect can be made of this target"});
  return keep_reply(rc, {.status = redirect.status, .header_name = "Location", .header_value = *location});
}

bool Pipeline::rewrite_path(RequestContext& rc, const route::Forward& forward) {
  if (!forward.path.changes_path()) return true;
  // Rarely used and of any length: from the pool, for as long as the request lasts.
  rc.path_space = loop_.buffers().small();
  const auto path = forward.path.apply(rc.request().path, rc.match, {rc.path_space.data(), rc.path_space.size()});
  if (path) rc.request().path = *path;
  return path.has_value();
}

}  // namespace postern::proxy
