// A blocking GET to an admin endpoint, for `postern health` and scripts. Any thread; plain sockets, no Asio.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"

namespace postern::admin {

struct Answer {
  unsigned status = 0;
  std::string body;
};

/// `address` as for Server::listen(). `timeout` covers all of it. The answer may have 16 MiB.
Result<Answer> get(const std::string& address, std::string_view path, std::chrono::milliseconds timeout);

/// The same with another method; nothing has a body.
Result<Answer> ask(const std::string& address, std::string_view method, std::string_view path,
                   std::chrono::milliseconds timeout);

/// `postern health --admin ADDR`: 0 when `path` answers 200, else 1 with a line on stderr.
int health(const std::string& address, std::string_view path = "/readyz",
           std::chrono::milliseconds timeout = std::chrono::seconds(2));

}  // namespace postern::admin
