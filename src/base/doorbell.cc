// See doorbell.h.
#include "base/doorbell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace postern {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == 4, "the kernel reads the word itself");

void futex(std::atomic<std::uint32_t>* word, int operation, std::uint32_t value, const timespec* timeout) noexcept {
  ::syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, timeout, nullptr, 0);
}

}  // namespace

void Doorbell::ring() noexcept {
  if (state_.load(std::memory_order_relaxed) == kRung) return;
  const std::uint32_t before = state_.exchange(kRung, std::memory_order_release);
  if (before == kNapping || before == kIdle) futex(&state_, FUTEX_WAKE, 1, nullptr);
}

bool Doorbell::begin(std::uint32_t state) noexcept {
  std::uint32_t expected = kAwake;
  return state_.compare_exchange_strong(expected, state, std::memory_order_seq_cst);
}

void Doorbell::sleep(std::uint32_t state, std::chrono::microseconds at_most) noexcept {
  timespec timeout{};
  timeout.tv_sec = static_cast<std::time_t>(at_most.count() / 1'000'000);
  timeout.tv_nsec = static_cast<long>(at_most.count() % 1'000'000 * 1000);
  futex(&state_, FUTEX_WAIT, state, &timeout);  // wakes early on signals and at will: callers look again
}

}  // namespace postern
