#include "server/watchdog.h"

#include <execinfo.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace postern::server {

namespace {

constexpr std::int64_t kLateLookMs = 2'000;
constexpr int kFrames = 64;

int dump_signal() noexcept { return SIGRTMIN + 4; }

// backtrace() was called once before, so that it has loaded what it needs: here it only walks the stack.
void on_dump(int) {
  void* frames[kFrames];
  const int count = ::backtrace(frames, kFrames);
  ::backtrace_symbols_fd(frames, count, STDERR_FILENO);
}

}  // namespace

std::vector<Watchdog::Change> Watchdog::look(std::int64_t now_ms, std::span<const std::int64_t> beats_ms,
                                             std::int64_t stuck_after_ms) {
  if (last_look_ms_ == 0 || now_ms - last_look_ms_ > kLateLookMs) since_ms_ = now_ms;
  last_look_ms_ = now_ms;
  longest_ms_ = 0;
  std::vector<Change> changes;
  for (std::size_t i = 0; i < stuck_.size() && i < beats_ms.size(); ++i) {
    const std::int64_t still = now_ms - std::max(beats_ms[i], since_ms_);
    longest_ms_ = std::max(longest_ms_, still);
    // One that was stuck is not forgiven because we were late.
    const bool runs = beats_ms[i] != 0 && now_ms - beats_ms[i] < kLateLookMs;
    const bool stuck = stuck_[i] ? !runs : stuck_after_ms != 0 && still >= stuck_after_ms;
    if (stuck == stuck_[i]) continue;
    stuck_[i] = stuck;
    changes.push_back({i, still, stuck});
  }
  return changes;
}

std::size_t Watchdog::stuck() const noexcept {
  return static_cast<std::size_t>(std::count(stuck_.begin(), stuck_.end(), true));
}

void install_stack_dump() noexcept {
  void* frames[kFrames];
  ::backtrace(frames, kFrames);
  struct sigaction action {};
  action.sa_handler = on_dump;
  action.sa_flags = SA_RESTART;
  ::sigaction(dump_signal(), &action, nullptr);
}

void dump_stack_of(int thread) noexcept {
  if (thread != 0) ::syscall(SYS_tgkill, ::getpid(), thread, dump_signal());
}

}  // namespace postern::server
