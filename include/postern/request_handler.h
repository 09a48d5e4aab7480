// What a wire does with a request that it has read: the pipeline implements it.
// One core only.
#pragma once

#include <cstdint>

#include "postern/exchange.h"

namespace postern {

class RequestHandler {
 public:
  /// Answers the exchange, or aborts it. The wire reads the next request when this returns.
  virtual Task<void> serve(Exchange& exchange) = 0;
  /// The bytes were no request that may be served: answers with that status, says `reason` (static text) and counts it.
  /// What could be read of the head stands in exchange.request(). status 0: nobody is left to answer.
  virtual Task<void> reject(Exchange& exchange, std::uint16_t status, const char* reason) = 0;

 protected:
  ~RequestHandler() = default;
};

}  // namespace postern
