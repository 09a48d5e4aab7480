// Makes a new connection to an endpoint: TCP or Unix, TLS where the upstream wants it, and the wire on top.
// Called by the forwarder when no kept connection is there. One core only.
#pragma once

#include "base/error.h"
#include "base/task.h"
#include "upstream/cluster.h"

namespace postern::proxy {

/// Nothing of a request has been sent when it fails: every error is safe to retry elsewhere.
Task<Result<upstream::ConnectionPtr>> dial(net::Loop& loop, upstream::Cluster& cluster, upstream::Endpoint& endpoint);

}  // namespace postern::proxy
