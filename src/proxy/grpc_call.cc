#include "proxy/grpc_call.h"

#include "route/route.h"

namespace postern::proxy {

using metrics::Reason;

namespace {

/// Room for a content-type of the request's own.
std::span<char> take_text(RequestContext& rc) noexcept {
  constexpr std::size_t kContentType = 64;
  if (rc.text_space.size() - rc.text_used < kContentType) return {};
  rc.text_used += kContentType;
  return {rc.text_space.data() + rc.text_used - kContentType, kContentType};
}

}  // namespace

void find_grpc(RequestContext& rc) noexcept {
  const http::Fields& fields = rc.request().fields;
  rc.grpc = grpc::kind_of(fields.find(http::FieldId::content_type));
  rc.grpc_answer = grpc::is_web(rc.grpc) ? grpc::answer_kind(rc.grpc, fields.find(http::FieldId::accept)) : rc.grpc;
}

bool forwards_grpc(const RequestContext& rc) noexcept {
  return rc.grpc == grpc::Kind::grpc || (grpc::is_web(rc.grpc) && rc.match.route->forward()->grpc_web);
}

grpc::Status grpc_status(const Reply& reply, std::optional<std::uint32_t> upstream_reset) noexcept {
  switch (reply.reason) {
    case Reason::response_timeout:
    case Reason::body_timeout:
    case Reason::header_timeout:
      return grpc::Status::deadline_exceeded;
    case Reason::body_too_large:
    case Reason::headers_too_large:
    case Reason::target_too_long:
    case Reason::rate_limited:
      return grpc::Status::resource_exhausted;
    case Reason::bad_credential:
      return grpc::Status::unauthenticated;
    case Reason::client_closed:
      return grpc::Status::cancelled;
    case Reason::rejected_by_filter:
      return grpc::Status::permission_denied;
    case Reason::method_not_allowed:
    case Reason::not_implemented:
    case Reason::version_unsupported:
    case Reason::expectation_failed:
      return grpc::Status::unimplemented;
    case Reason::upstream_malformed:
    case Reason::internal:
      return grpc::Status::internal;
    case Reason::misdirected:  // another connection will do
      return grpc::Status::unavailable;
    case Reason::upstream_closed:
      return upstream_reset ? grpc::from_h2_error(*upstream_reset) : grpc::Status::unavailable;
    default:
      return grpc::from_http(reply.status);
  }
}

void write_grpc_error(const RequestContext& rc, const Reply& reply, http::ResponseHead& head,
                      std::span<char> space) noexcept {
  head.status = 200;
  head.framing = http::Framing::none;
  head.fields.add(http::FieldId::content_type, grpc::content_type_of(rc.grpc_answer));
  head.fields.add(grpc::kStatusName, grpc::to_digits(grpc_status(reply, rc.upstream_reset)));
  head.fields.add(grpc::kMessageName, grpc::percent_encode(reply.detail, space));
  head.fields.add(http::FieldId::x_request_id, rc.request_id);
}

BodySource& GrpcWebCall::translate_request(RequestContext& rc, BodySource& body) noexcept {
  grpc::to_grpc(rc.request(), take_text(rc));  // one content-type for another: that always fits
  if (rc.grpc != grpc::Kind::web_text) return body;
  return request_.emplace(body, buffers_);
}

void GrpcWebCall::rewind() noexcept {
  if (request_) request_->rewind();
}

BodySource& GrpcWebCall::translate_answer(RequestContext& rc, http::ResponseHead& head, BodySource& body) noexcept {
  if (grpc::kind_of(head.fields.find(http::FieldId::content_type)) != grpc::Kind::grpc) return body;
  const bool said = head.fields.find(grpc::kStatusName).data() != nullptr;
  grpc::to_web(head, rc.grpc_answer, take_text(rc));
  if (head.framing == http::Framing::none) return body;
  return answer_.emplace(body, buffers_, rc.grpc_answer, said);
}

}  // namespace postern::proxy
