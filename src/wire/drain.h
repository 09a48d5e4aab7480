// What becomes of connections that have no request on the way when their server wants them to end. Each level includes
// those before it. A value; any thread.
#pragma once

#include <cstdint>

namespace postern::wire {

enum class Drain : std::uint8_t {
  none,
  last_request,  // whatever comes next is the last: its answer says so
  idle,          // who has had an answer and asks nothing is closed; who is new may ask once
  all,           // who asks nothing is closed
};

}  // namespace postern::wire
