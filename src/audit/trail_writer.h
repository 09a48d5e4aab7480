// The thread of the audit trail: goes round the streams, sleeps when there is nothing to do. AuditTrail owns it and
// gives it orders from the control thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "audit/stream_writer.h"
#include "base/doorbell.h"

namespace postern::audit {

class TrailWriter {
 public:
  TrailWriter() = default;
  ~TrailWriter() { stop(std::chrono::seconds(1)); }

  // Control thread.
  Doorbell& bell() noexcept { return bell_; }
  void add(std::unique_ptr<StreamWriter> stream);
  /// Of the stream that was added as `index`th.
  void configure(std::size_t index, const config::AuditStream& settings, std::shared_ptr<const crypto::Ed25519Key> key);
  void add_lane(std::size_t index, Lane& lane, CoreAudit& core);
  void start();
  [[nodiscard]] bool is_running() const noexcept { return thread_.joinable(); }
  void stop(std::chrono::milliseconds bound) noexcept;

 private:
  struct Order {
    std::size_t index = 0;
    std::unique_ptr<StreamWriter> added;
    std::optional<config::AuditStream> settings;
    std::shared_ptr<const crypto::Ed25519Key> key;
    Lane* lane = nullptr;
    CoreAudit* core = nullptr;
  };

  void give(Order order);
  void run() noexcept;
  void take_orders();
  void rest(const StreamWriter::Work& round) noexcept;
  bool has_records() noexcept;

  // Any thread
  Doorbell bell_;
  std::atomic<bool> has_orders_{false};
  std::mutex mutex_;  // guards orders_, stop_at_
  std::vector<Order> orders_;
  std::optional<std::int64_t> stop_at_;
  // Writer's thread
  std::vector<std::unique_ptr<StreamWriter>> streams_;
  std::optional<std::int64_t> stopping_at_;
  // Control thread
  std::thread thread_;
};

}  // namespace postern::audit
