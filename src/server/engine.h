// Which event engine the cores run on: what the config wants, where the kernel lets it. Start-up only.
#pragma once

#include "config/settings.h"
#include "net/reactor.h"

namespace postern::server {

/// `auto` is what the bench says is cheaper; io_uring falls back to epoll with one line in the log.
net::Engine choose_engine(config::Engine wanted);

}  // namespace postern::server
