// Lines into a regular file, which is appended to, rotated by the clock and by size, and never left with half a line.
// The writer's thread; made on the control thread. The old files are the archive's (archive.h), which it owns.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>

#include "accesslog/archive.h"
#include "accesslog/line_sink.h"
#include "accesslog/rotation.h"
#include "metrics/registry.h"

namespace postern::accesslog {

class FileSink final : public LineSink {
 public:
  using Clock = std::time_t (*)() noexcept;

  /// `fd` is open on the regular file `path` with O_APPEND; it is owned from here on. The registry outlives this.
  FileSink(int fd, std::string path, const RotationPolicy& policy, metrics::MetricsRegistry& registry,
           Clock clock = nullptr);
  ~FileSink() override;

  Outcome write(std::string_view& lines) noexcept override;
  void wait(std::chrono::milliseconds at_most) noexcept override;
  void reopen() override;
  void tick() noexcept override;

 private:
  /// All of `lines`, without looking at the size.
  Outcome append(std::string_view& lines) noexcept;
  /// Cuts off the `bytes` that a failed write has left of a line.
  void take_back(std::size_t bytes) noexcept;
  /// What of `lines` the file has room for by its size; empty: a new one is due.
  [[nodiscard]] std::string_view fitting(std::string_view lines) noexcept;
  void rotate_by_clock() noexcept;
  /// False: it did not work, and the old file stays in use.
  bool rotate(const std::string& stamp) noexcept;
  void swap_files(const std::string& stamp);
  [[nodiscard]] std::string move_away(const std::string& stamp) const;
  [[nodiscard]] bool is_ours() const noexcept;
  void adopt(int fd) noexcept;
  [[nodiscard]] std::time_t now() const noexcept { return clock_ != nullptr ? clock_() : std::time(nullptr); }

  const std::string path_;
  const RotationPolicy policy_;
  metrics::MetricsRegistry& registry_;
  const Clock clock_;

  int fd_ = -1;
  std::uint64_t size_ = 0;
  bool is_mid_line_ = false;  // half a line could not be taken back
  Period period_;             // of what the file holds
  std::time_t next_try_ = 0;  // after a rotation that failed
  std::unique_ptr<Archive> archive_;
};

/// Opens for appending, mode 0640; never waits for a FIFO's reader. Throws std::system_error that names the path.
int open_log_file(const std::string& path);

}  // namespace postern::accesslog
