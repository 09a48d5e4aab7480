// What closed audit files are called, and which of them are to go. Nothing but names that rotation gives is ever taken
// for a file of ours. Pure functions, but for the listing of a folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::audit {

/// "20261121T190512Z.000000001001": when it was closed, and the number of its first line. Sorts by age.
std::string closed_suffix(std::int64_t unix_ns, std::uint64_t first_seq);
/// The whole path of the file that is closed now: behind all that are closed already, also when the clock was set back.
std::string next_closed(const std::string& path, std::int64_t unix_ns, std::uint64_t first_seq);
bool is_closed_suffix(std::string_view text) noexcept;

/// Closed files of `path`, oldest first, as whole paths; none when the folder cannot be read.
std::vector<std::string> list_closed(const std::string& path);

/// Renames without ever replacing a file; errno says why not.
bool rename_to_new(const std::string& from, const std::string& to) noexcept;

std::string folder_of(const std::string& path);
std::string name_of(const std::string& path);

}  // namespace postern::audit
