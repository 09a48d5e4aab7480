// See resolve.h.
#include "net/resolve.h"

#include <atomic>
#include <memory>
#include <system_error>
#include <thread>

#include "net/signal.h"

namespace postern::net {
namespace {

constexpr std::int64_t kLookMs = 16;

/// Shared with the thread, which may outlive everything else here.
struct Lookup {
  std::atomic<bool> is_done{false};
  std::vector<SocketAddress> addresses;
};

std::string endpoint_text(const std::string& host, std::uint16_t port) {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

}  // namespace

Task<std::vector<SocketAddress>> resolve(Loop& loop, std::string host, std::uint16_t port, std::int64_t timeout_ms,
                                         const bool& cancelled) {
  std::vector<SocketAddress> addresses;
  if (const auto literal = ip_address(host, port)) {
    addresses.push_back(*literal);
    co_return addresses;
  }
  const auto lookup = std::make_shared<Lookup>();
  try {
    std::thread([lookup, text = endpoint_text(host, port)] {
      lookup->addresses = resolve_now(text);
      lookup->is_done.store(true, std::memory_order_release);
    }).detach();
  } catch (const std::system_error&) {  // no more threads
    co_return addresses;
  }
  const std::int64_t due = coarse_now_ms() + timeout_ms;
  Signal nap(loop);  // nobody notifies: the thread must not touch a loop that may be gone
  while (!lookup->is_done.load(std::memory_order_acquire)) {
    if (cancelled || coarse_now_ms() >= due) co_return addresses;
    static_cast<void>(co_await nap.wait(kLookMs));
  }
  addresses = lookup->addresses;
  co_return addresses;
}

}  // namespace postern::net
