// What nghttp2 calls while it reads and writes. One table for all sessions of the process.
#pragma once

#include <nghttp2/nghttp2.h>

namespace postern::wire {

/// Made at the first use, never changed, never freed.
const nghttp2_session_callbacks* h2_callbacks();

}  // namespace postern::wire
