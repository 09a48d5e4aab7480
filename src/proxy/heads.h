// What postern changes in a head on its way through: hop-by-hop fields off, forwarding fields on, a route's edits.
// Called by the forwarder between parse and serialise; no I/O, no allocation. One core only.
#pragma once

#include "proxy/request_context.h"

namespace postern::proxy {

/// Turns the request's head into what the upstream gets. Once per request, before the first try.
/// None: a Reply says why not (431: no room for another field).
const Reply* prepare_request(RequestContext& rc) noexcept;

/// Turns the upstream's head into what the client gets. False: no room, 502.
bool prepare_response(RequestContext& rc, http::ResponseHead& head, std::string_view date) noexcept;

/// Copies what the access log will say of the request to a place of its own and lets the head go: a tunnel lasts, and
/// should not hold the blocks in which two heads came.
void settle_head(RequestContext& rc);

/// Whether the client itself speaks TLS: to us, or to a trusted proxy before us that says so.
http::Scheme client_scheme(const RequestContext& rc) noexcept;

/// The client's address as the trust settings see it; sets rc.client.
void find_client(RequestContext& rc) noexcept;

/// The trailers among `all` that the route lets through, in `out`.
const http::Fields* allowed_trailers(const route::TrailerList& list, const http::Fields& all,
                                     http::Fields& out) noexcept;

}  // namespace postern::proxy
