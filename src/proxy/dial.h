// Makes a new connection to an endpoint: TCP or Unix, TLS where the upstream wants it, and the wire on top.
// Called by the forwarder when no kept connection is there. One core only.
#pragma once

#include "base/error.h"
#include "base/task.h"
#include "net/stream.h"
#include "upstream/cluster.h"

namespace postern::proxy {

/// Nothing of a request has been sent when it fails: every error is safe to retry elsewhere.
Task<Result<upstream::ConnectionPtr>> dial(net::Loop& loop, upstream::Cluster& cluster, upstream::Endpoint& endpoint);

/// The connection alone, TLS included, for those who speak on it themselves. `timeout_ms` for each of TCP and TLS.
Task<Result<net::Stream>> open_stream(net::Loop& loop, upstream::Cluster& cluster, const upstream::Endpoint& endpoint,
                                      std::int64_t timeout_ms);
/// What is spoken on it; an error where nothing but HTTP/2 would do and TLS did not agree on it.
Result<bool> speaks_h2(const net::Stream& stream, upstream::Cluster& cluster, const upstream::Endpoint& endpoint);

}  // namespace postern::proxy
