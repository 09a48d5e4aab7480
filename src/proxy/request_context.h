// What is known of one request while it is served: made by Pipeline::serve(), filled step by step, read by finish().
// Lives in serve()'s frame. One core only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/buffer_pool.h"
#include "base/clock.h"
#include "grpc/content_type.h"
#include "metrics/core_metrics.h"
#include "postern/exchange.h"
#include "proxy/caller.h"
#include "proxy/reply.h"
#include "proxy/snapshot.h"
#include "proxy/tracing.h"
#include "route/match.h"
#include "upstream/endpoint.h"

namespace postern::proxy {

struct RequestContext {
  RequestContext(Exchange& x, GenerationPin g, Nanoseconds now) noexcept
      : exchange(x),
        generation(std::move(g)),
        listener(generation->snapshot->listeners[x.peer().listener]),
        started(now) {}

  FramePool& frames() noexcept { return exchange.frames(); }
  http::RequestHead& request() noexcept { return exchange.request(); }

  Exchange& exchange;
  const GenerationPin generation;
  const ListenerPolicy& listener;
  const Nanoseconds started;

  // 1. where to
  route::Match match;
  std::string_view authority;  // as the client said it; the head's may be rewritten for the upstream
  std::string_view client;     // address text that the trust settings arrive at
  http::Address client_address;

  // 2. who is asking, and what was found about it; only on routes with rules
  std::optional<Caller> caller;
  PrincipalPin principal;         // nullptr: nobody is known
  std::string_view matched_path;  // before any rewriting; the match's variables are views into it
  bool has_intent = false;        // the audit trail knows of it

  // a gRPC call, and the dialect of answers to it
  grpc::Kind grpc = grpc::Kind::none;
  grpc::Kind grpc_answer = grpc::Kind::none;

  // what it came to
  std::uint16_t status = 0;
  metrics::Reason reason = metrics::Reason::none;
  std::uint16_t retries = 0;
  bool relayed = false;  // the answer is the upstream's
  upstream::Cluster* cluster = nullptr;
  upstream::EndpointPin endpoint;         // of the last try
  std::optional<std::uint64_t> hash_key;  // where it wants to go: see find_affinity()
  std::optional<std::uint64_t> sticky;    // id of an endpoint
  const StickyPolicy* sticky_policy = nullptr;
  Nanoseconds upstream_started = 0;
  Nanoseconds first_byte = 0;
  std::optional<std::uint32_t> upstream_reset;  // HTTP/2: the code with which it refused or gave up, where it did

  RequestTrace trace;

  Reply reply;  // ours, where a step returned one

  // room for the few texts that a request needs of its own
  std::array<char, 32> request_id_space;
  std::string_view request_id;
  std::array<char, 48> client_space;
  std::array<char, 8> retry_after_space;
  std::array<char, 12> timeout_space;  // of a gRPC call, as its server is told
  std::array<char, 1024> text_space;   // X-Forwarded-For and the like; bounded, an overlong chain is cut
  std::size_t text_used = 0;
  Buffer path_space;                     // a rewritten path
  std::unique_ptr<char[]> tunnel_space;  // what the access log will want, when the head has been let go
};

/// The reply that a step has decided upon, in the context: what steps return.
inline const Reply* keep_reply(RequestContext& rc, const Reply& reply) noexcept {
  rc.reply = reply;
  return &rc.reply;
}

}  // namespace postern::proxy
