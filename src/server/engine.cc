#include "server/engine.h"

#include <string>

#include "base/log.h"

namespace postern::server {

net::Engine choose_engine(config::Engine wanted) {
  if (wanted != config::Engine::io_uring)
    return net::Engine::epoll;  // docs/decisions/0002-own-reactor.md has the numbers
  std::string why_not;
  if (net::io_uring_works(why_not)) return net::Engine::io_uring;
  log::warn("io_uring is not available, using epoll", {{"why", why_not}});
  return net::Engine::epoll;
}

}  // namespace postern::server
