// What is given up when resources run out: samples of memory, descriptors and lateness become a stage, by marks that
// the config sets. A plain state machine beside a sampler. Control thread; the daemon tells the cores.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/settings_daemon.h"

namespace postern::server {

enum class Stage : std::uint8_t { none, close_idle, refuse_connections, refuse_requests };
std::string_view to_string(Stage stage) noexcept;

struct Resources {
  std::uint64_t memory = 0;  // bytes
  std::uint64_t memory_limit = 0;
  std::uint64_t files = 0;
  std::uint64_t files_limit = 0;
  std::int64_t lag_ms = 0;  // of the median core

  [[nodiscard]] std::int64_t memory_permil() const noexcept;
  [[nodiscard]] std::int64_t files_permil() const noexcept;
};

class Overload {
 public:
  /// A lower stage than before holds only after so long without a reason for the higher one.
  static constexpr std::int64_t kCalmMs = 1'000;

  /// True when the stage has changed: up at once, as far as needed; down one at a time.
  bool update(const config::Overload& marks, const Resources& now, std::int64_t now_ms);

  [[nodiscard]] Stage stage() const noexcept { return stage_; }
  /// What the last rise was for: "memory", "files", "lag".
  [[nodiscard]] std::string_view reason() const noexcept { return reason_; }
  /// Connections without a request cost memory and descriptors, but no time.
  [[nodiscard]] bool closes_idle() const noexcept { return stage_ != Stage::none && reason_ != "lag"; }

 private:
  Stage stage_ = Stage::none;
  std::string_view reason_;
  std::int64_t needed_ms_ = 0;  // when the stage last had a reason
};

/// Reads what the kernel says about this process. A limit that cannot be told is 0, which no share ever reaches.
class ResourceSampler {
 public:
  ResourceSampler();
  ~ResourceSampler();
  ResourceSampler(const ResourceSampler&) = delete;
  ResourceSampler& operator=(const ResourceSampler&) = delete;

  /// Everything but the lag. `memory_limit` 0: the cgroup's or the machine's.
  Resources sample(std::uint64_t memory_limit, std::int64_t now_ms);

 private:
  void count_files(std::int64_t now_ms);

  int statm_;
  std::uint64_t machine_limit_ = 0;
  std::uint64_t files_ = 0;
  std::int64_t limits_read_ms_ = -1;
  std::int64_t files_counted_ms_ = -1;
};

/// The least of the cgroup's memory limits, up to the root, and the machine's memory.
std::uint64_t memory_limit_of_process();

}  // namespace postern::server
