// Frames of a WebSocket: the first byte says whose, the second how the rest is cut. However it is cut, the tracker ends
// in the same state; and a boundary that it stops at is one.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/ws_frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using postern::wire::WsFrames;
  if (size < 2) return 0;
  const auto sender = (data[0] & 1) != 0 ? WsFrames::Sender::client : WsFrames::Sender::server;
  const std::size_t piece = 1 + data[1] % 32;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  WsFrames whole(sender);
  whole.feed(stream);
  WsFrames cut(sender);
  for (std::size_t at = 0; at < stream.size(); at += piece) cut.feed(stream.substr(at, piece));
  WsFrames steps(sender);
  for (std::string_view rest = stream; !rest.empty();) {
    const std::size_t n = steps.feed_to_boundary(rest);
    if (n == 0 || n > rest.size()) std::abort();
    if (n < rest.size() && !steps.at_boundary()) std::abort();
    rest.remove_prefix(n);
  }
  for (const WsFrames* other : {&cut, &steps}) {
    if (other->at_boundary() != whole.at_boundary() || other->broken() != whole.broken() ||
        other->closed() != whole.closed())
      std::abort();
  }
  return 0;
}
