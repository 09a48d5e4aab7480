// Settings of the audit trail ([[audit]]: where records go; route.audit: which there are). Part of Settings.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace postern::config {

enum class RouteAudit : std::uint8_t { off, outcome, intent };
enum class AuditSync : std::uint8_t { none, interval, group };

/// A stream of records: a chain in a file of its own.
struct AuditStream {
  std::string name;
  std::string file;
  std::vector<std::string> listeners;  // names; empty: those that no other stream has
  AuditSync sync = AuditSync::group;   // fsync: never, each sync_interval, before an intent counts as written
  std::chrono::milliseconds sync_interval{};
  std::string key_file;  // Ed25519, PEM: signs checkpoints; empty: none are signed
  std::uint32_t checkpoint_records = 0;
  std::chrono::milliseconds checkpoint_interval{};
  std::uint64_t rotate_size = 0;  // 0: never by size
  bool rotate_daily = false;
  std::uint32_t keep = 0;  // rotated files; 0: all
};

}  // namespace postern::config
