#include "wire/linger.h"

namespace postern::wire {

namespace {
constexpr std::int64_t kLingerMs = 2'000;
constexpr std::size_t kLingerBytes = 1024 * 1024;
}  // namespace

Task<void> linger(net::Stream& stream) {
  stream.shutdown_send();
  const std::int64_t deadline = coarse_now_ms() + kLingerMs;
  Buffer scrap = stream.loop().buffers().small();
  std::size_t discarded = 0;
  // The socket itself: what is under a TLS session need not be decrypted to be thrown away.
  while (discarded < kLingerBytes) {
    const net::IoResult got = stream.socket().read({scrap.data(), scrap.size()});
    discarded += got.bytes;
    if (got.status == net::IoStatus::ok) continue;
    if (got.status != net::IoStatus::want_read) co_return;
    const std::int64_t left = deadline - coarse_now_ms();
    if (left <= 0) co_return;
    const net::Waited waited = co_await stream.socket().readable().wait(left);
    if (waited != net::Waited::ready) co_return;
  }
}

}  // namespace postern::wire
