// Which cores stand still: a plain state machine over what their heartbeats say. Control thread; knows no clock, kills
// nobody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace postern::server {

class Watchdog {
 public:
  struct Change {
    std::size_t core = 0;
    std::int64_t still_ms = 0;
    bool stuck = false;  // false: it runs again
  };

  explicit Watchdog(std::size_t cores) : stuck_(cores) {}

  /// To be called every few hundred milliseconds. `beats_ms`: when each core last ran. 0 for `stuck_after_ms`: none
  /// ever counts as stuck. A look that comes late itself (the whole process was stopped) gives every core its time
  /// anew.
  std::vector<Change> look(std::int64_t now_ms, std::span<const std::int64_t> beats_ms, std::int64_t stuck_after_ms);

  /// The longest time that a core has stood still, as of the last look.
  [[nodiscard]] std::int64_t longest_ms() const noexcept { return longest_ms_; }
  [[nodiscard]] std::size_t stuck() const noexcept;

 private:
  std::vector<bool> stuck_;
  std::int64_t last_look_ms_ = 0;
  std::int64_t since_ms_ = 0;  // nobody has stood still for longer than since then, as far as we can say
  std::int64_t longest_ms_ = 0;
};

/// Writes that thread's stack to stderr, from within it. The thread may be beyond hearing: then nothing is written.
void install_stack_dump() noexcept;
void dump_stack_of(int thread) noexcept;

}  // namespace postern::server
