// Small files that several processes change: API keys, revocations. One writer at a time (a lock file beside it), and
// readers see the old file or the new one, never half of either, also after a crash. Blocks on the disk: for the
// command line and the control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace postern::identity {

inline constexpr std::size_t kMostKeptFile = std::size_t{16} << 20;

enum class IfMissing : std::uint8_t { fail, begin_empty };

/// Reads the file, lets `change` edit its text, and writes it back, mode 0600. `change` returns what it minds: then
/// nothing is written. `role` names the file in messages. Returns what went wrong; empty: nothing.
std::string change_kept_file(const std::string& role, const std::string& path, IfMissing if_missing,
                             const std::function<std::string(std::string& text)>& change);

}  // namespace postern::identity
