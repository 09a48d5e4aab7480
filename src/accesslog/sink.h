// Where lines go: a file, stdout or stderr. Writes without ever blocking on a reader that does not read.
// Writer thread; open_sink() on the control thread, at start and reload.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::accesslog {

class Sink {
 public:
  enum class Outcome : std::uint8_t { done, blocked, failed };

  Sink() = default;  // nowhere
  /// `path`: "" nowhere, "stdout", "stderr", or a file that is appended to and made with mode 0640.
  /// Throws std::system_error whose text names the path.
  explicit Sink(const std::string& path);
  ~Sink();
  Sink(Sink&& other) noexcept;
  Sink& operator=(Sink&& other) noexcept;

  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }

  /// Writes from `lines`, removing what is gone. blocked: would wait (a full pipe); failed: errno tells (ENOSPC...).
  Outcome write(std::string_view& lines) noexcept;
  /// Waits until a write may go on.
  void wait_writable(std::chrono::milliseconds at_most) noexcept;

 private:
  void close() noexcept;

  int fd_ = -1;
  bool owned_ = false;
  bool regular_ = false;  // a regular file never blocks for long: large writes
};

}  // namespace postern::accesslog
