// Compresses and deletes rotated log files, on a thread of its own at the lowest priority: the writer never waits for
// it. Owned by the FileSink whose files they are. What a stop leaves undone is done after the next rotation or start.
#pragma once

#include <atomic>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <string>
#include <thread>

#include "accesslog/rotation.h"
#include "metrics/registry.h"

namespace postern::accesslog {

class Archive {
 public:
  Archive(std::string path, const RotationPolicy& policy, metrics::MetricsRegistry& registry);
  ~Archive();  // ends within milliseconds; a file that is being compressed stays as it was

  /// Any thread: there may be something to do.
  void wake() noexcept;

  /// One look at the folder, as the thread does it; for tests.
  void tidy(std::time_t now);

 private:
  void run() noexcept;
  void remove(const ArchiveName& name);
  void compress(const ArchiveName& name);
  [[nodiscard]] std::string file(const ArchiveName& name) const { return path_ + '.' + name.text(); }
  void failed(const char* what, const std::string& file) noexcept;

  // Constant after construction
  const std::string path_;
  const RotationPolicy policy_;
  metrics::MetricsRegistry& registry_;

  std::atomic<bool> stop_{false};
  std::mutex mutex_;  // guards is_wanted_
  std::condition_variable wanted_;
  bool is_wanted_ = false;
  std::thread thread_;
};

}  // namespace postern::accesslog
