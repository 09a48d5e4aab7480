// One rotated file into one compressed file. The archive's thread; reads and writes in pieces, so that it can be
// stopped.
#pragma once

#include <atomic>
#include <string>

#include "config/settings_logs.h"

namespace postern::accesslog {

/// Writes `to` beside `from` and makes it durable; `from` stays. False leaves no `to` behind, and errno tells why:
/// ECANCELED when `stop` was set, EBUSY while somebody writes to `from` or compresses it (each FileSink holds a lock on
/// its file, and so during an upgrade does the process before). Mode and group are those of `from`.
bool compress_file(const std::string& from, const std::string& to, config::Compress how, const std::atomic<bool>& stop);

}  // namespace postern::accesslog
