// How Pipeline writes an answer of postern's own: fixed replies as they are, errors as problem documents, or as a
// status without messages where the client speaks gRPC.

#include "proxy/reply.h"

#include "http/problem.h"
#include "proxy/grpc_call.h"
#include "proxy/pipeline.h"
#include "route/route.h"

namespace postern::proxy {

namespace {
constexpr std::size_t kMaxGrpcMessage = 1024;
}

void Pipeline::write_reply(RequestContext& rc, const Reply& reply) noexcept {
  rc.status = reply.status;
  rc.reason = reply.reason;
  if (reply.status >= 500) {
    metrics::UpstreamRow& row = rc.cluster ? rc.cluster->metrics() : metrics_.upstream(metrics::kNoneSlot);
    row.failed(metrics::cause_of(reply.reason));
  }
  if (reply.status == 0 || rc.exchange.response_started()) {  // nobody is there, or half an answer is out
    rc.status = rc.exchange.response_started() ? rc.status : std::uint16_t{0};
    rc.exchange.abort(Error{Code::reset, Side::downstream, Retry::never});
    return;
  }
  http::ResponseHead head;
  head.status = reply.status;
  std::string_view body = reply.body;
  Buffer space;
  if (reply.reason != metrics::Reason::none && rc.grpc != grpc::Kind::none) {
    space = loop_.buffers().small();
    write_grpc_error(rc, reply, head, {space.data(), kMaxGrpcMessage});
    rc.status = head.status;  // what goes out is a 200; the reason tells what it was
  } else if (reply.reason != metrics::Reason::none) {
    space = loop_.buffers().small();
    body = problem_body(rc, reply, head, {space.data(), space.size()});
  } else if (!reply.content_type.empty()) {
    head.fields.add(http::FieldId::content_type, reply.content_type);
  }
  head.fields.add(http::FieldId::date, date());
  rc.trace.add_server_timing(rc, head);
  if (!reply.header_name.empty()) head.fields.add(reply.header_name, reply.header_value);
  for (const auto& [name, value] : reply.more) {
    if (!name.empty()) head.fields.add(name, value);
  }
  if (rc.match.route && reply.reason == metrics::Reason::none) rc.match.route->response_headers.apply(head.fields);
  const bool no_body = reply.status == 204 || reply.status == 304;
  head.framing = no_body || body.empty() ? http::Framing::none : http::Framing::length;
  head.content_length = body.size();
  rc.exchange.start_response(head);
  BodySink& sink = rc.exchange.response_body();
  if (!no_body) sink.put(body);
  // A body in `space` is short enough to have been copied; a route's text lives as long as the generation.
  sink.finish(nullptr);
}

std::string_view Pipeline::problem_body(RequestContext& rc, const Reply& reply, http::ResponseHead& head,
                                        std::span<char> space) noexcept {
  const http::Problem problem{.status = reply.status, .title = {}, .detail = reply.detail, .request_id = rc.request_id};
  const bool html = http::prefers_html(rc.request().fields.find(http::FieldId::accept));
  head.fields.add(http::FieldId::content_type, html ? http::kProblemHtmlType : http::kProblemJsonType);
  head.fields.add(http::FieldId::cache_control, "no-store");
  head.fields.add(http::FieldId::x_request_id, rc.request_id);
  if (html) head.fields.add("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
  if (reply.status == 503 && reply.header_name != "Retry-After") head.fields.add("Retry-After", "1");
  return html ? http::write_problem_html(space, problem) : http::write_problem_json(space, problem);
}

}  // namespace postern::proxy
