// The audit trail as the server sees it: streams of records, each a chain of hashes in a file of its own, written by
// one thread for all cores. Owned by the server on the control thread; outlives the cores and is stopped after them.
// docs/audit.md says what the files hold.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "audit/core_audit.h"
#include "audit/lane.h"
#include "config/settings_audit.h"

namespace postern::audit {

class TrailWriter;

/// Of one stream, for metrics; sums since the process started.
struct StreamCounters {
  std::string name;
  bool is_failing = false;
  std::uint64_t written = 0, lost = 0, refused = 0, syncs = 0, failures = 0;
};

class AuditTrail {
 public:
  AuditTrail();
  ~AuditTrail();  // as stop() with a second
  AuditTrail(const AuditTrail&) = delete;
  AuditTrail& operator=(const AuditTrail&) = delete;

  /// What cannot be: a key that does not load, a folder that is not there. Empty: all is well. For `postern check` too.
  static std::string check(const config::AuditStream& settings);

  // Control thread.
  /// Before start(); one for each core. The references live as long as this object.
  CoreAudit& add_core();
  /// Before start(), and at every reload before the cores install the new snapshot. Throws std::runtime_error with one
  /// line to show, and then nothing has changed. Streams that are gone stay open for requests that began before.
  void configure(const std::vector<config::AuditStream>& streams);
  /// The thread starts with the first stream; without any there is none.
  void start();
  /// Where requests of this listener are recorded: kNoStream when nowhere. As of the last configure().
  [[nodiscard]] StreamIndex stream_of(std::string_view listener) const noexcept;
  [[nodiscard]] std::vector<StreamCounters> counters() const;
  /// After the cores: writes what the rings hold, signs and closes, for at most `bound`.
  void stop(std::chrono::milliseconds bound) noexcept;

 private:
  struct Stream;
  void add_lane(std::size_t index, CoreAudit& core);

  // From the bottom up: the writer's thread uses all of it.
  std::vector<std::unique_ptr<Stream>> streams_;  // by their index; those of earlier configs stay
  std::vector<std::unique_ptr<CoreAudit>> cores_;
  std::unique_ptr<TrailWriter> writer_;
  bool wants_thread_ = false;
};

}  // namespace postern::audit
