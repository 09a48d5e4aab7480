// When a log file is due for a new one, what the old one is then called, and which old ones are to go.
// Pure functions over names and times (local time, the process's TZ); file_sink.cc and archive.cc act on them.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings_logs.h"

namespace postern::accesslog {

struct RotationPolicy {
  config::Rotate every = config::Rotate::never;
  std::uint64_t size = 0;       // bytes; 0: whatever the size
  std::uint32_t keep = 0;       // files; 0: all
  std::uint32_t keep_days = 0;  // 0: for ever
  config::Compress compress = config::Compress::none;

  [[nodiscard]] bool rotates() const noexcept { return every != config::Rotate::never || size != 0; }
  bool operator==(const RotationPolicy&) const = default;
};

/// What one file holds by the clock.
struct Period {
  std::string stamp;     // "2026-11-20", hourly "2026-11-20-15"
  std::time_t ends = 0;  // the first second that is not in it
};

/// The day (never and daily) or hour in which `now` lies.
Period period_of(config::Rotate every, std::time_t now);

/// A rotated file's name behind "access.log.": "2026-11-20", "2026-11-20.3.gz".
struct ArchiveName {
  std::string stamp;
  std::uint32_t counter = 0;  // 0: none
  std::string suffix;         // "", ".gz", ".zst"

  [[nodiscard]] std::string text() const;
  bool operator==(const ArchiveName&) const = default;
};

/// Nothing but names that rotation gives: this decides what may be compressed and deleted.
std::optional<ArchiveName> parse_archive_name(std::string_view text);

/// The next free name; `has_counter`: also the first of a period gets one, as there will be more.
ArchiveName next_archive_name(const std::vector<ArchiveName>& there, const std::string& stamp, bool has_counter);

/// Those that retention lets go of, oldest first. A file beside its compressed self counts once.
std::vector<ArchiveName> expired(std::vector<ArchiveName> there, const RotationPolicy& policy, std::time_t now);

/// ".gz", ".zst" or nothing.
std::string_view suffix_of(config::Compress compress) noexcept;

/// The rotated files of `path`, in no order; none when its folder cannot be read.
std::vector<ArchiveName> list_archives(const std::string& path);

}  // namespace postern::accesslog
