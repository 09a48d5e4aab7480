// What a gRPC call needs of the pipeline beyond other requests: its status for answers of our own, and the two
// dialects of browsers. The pipeline and the forwarder call it. One core only.
#pragma once

#include <optional>

#include "grpc/status.h"
#include "grpc/web.h"
#include "proxy/request_context.h"

namespace postern::proxy {

/// Sets rc.grpc and rc.grpc_answer, from the head as the client sent it.
void find_grpc(RequestContext& rc) noexcept;

/// gRPC runs over this route, possibly translated: its trailers are part of the answer, whatever the route lists.
bool forwards_grpc(const RequestContext& rc) noexcept;

/// The grpc-status of an answer of ours. `upstream_reset`: the HTTP/2 error with which the upstream ended its stream.
grpc::Status grpc_status(const Reply& reply, std::optional<std::uint32_t> upstream_reset) noexcept;

/// Makes `head` the trailers-only answer for that error, in the client's dialect; grpc-message is written to `space`.
void write_grpc_error(const RequestContext& rc, const Reply& reply, http::ResponseHead& head,
                      std::span<char> space) noexcept;

/// Both directions of one gRPC-Web call as gRPC. Lives as long as the exchange with the upstream.
class GrpcWebCall {
 public:
  explicit GrpcWebCall(BufferPool& buffers) noexcept : buffers_(buffers) {}

  /// Edits the request's head; the body to send from now on.
  BodySource& translate_request(RequestContext& rc, BodySource& body) noexcept;
  /// The request's body starts over.
  void rewind() noexcept;
  /// Edits the answer's head; the body to send. An answer that is not gRPC stays as it is.
  BodySource& translate_answer(RequestContext& rc, http::ResponseHead& head, BodySource& body) noexcept;

 private:
  BufferPool& buffers_;
  std::optional<grpc::WebTextBody> request_;
  std::optional<grpc::WebAnswerBody> answer_;
};

}  // namespace postern::proxy
