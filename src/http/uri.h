// The one URI normaliser: what is matched, authorised and forwarded is the same bytes.
// Called once per request after the head is parsed (HTTP/1 and later HTTP/2), on its core. Allocates nothing.
// Does not look at scheme and host (host.h does), does not decode for applications.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace postern::http {

enum class Slashes : std::uint8_t { merge, keep };
enum class EncodedSlash : std::uint8_t { reject, keep };
/// What some servers cut away: to them "/admin;x/a" is "/admin/a", which another route may guard.
enum class PathParameters : std::uint8_t { reject, keep };

struct UriPolicy {
  Slashes slashes = Slashes::merge;
  EncodedSlash encoded_slash = EncodedSlash::reject;
  PathParameters parameters = PathParameters::reject;
};

/// Either a path, or the static reason for a 400.
struct UriResult {
  std::string_view path;
  const char* error = nullptr;

  [[nodiscard]] bool ok() const noexcept { return error == nullptr; }
};

/// Normalises an absolute path (it starts with '/', has no query):
/// unreserved escapes decoded, the others kept with upper-case hex; dot segments (also as %2e) removed; slashes by
/// policy. 400 for: bad or cut escapes, encoded NUL/CTL/DEL/backslash, escapes that are not UTF-8 (overlong,
/// surrogates), raw CTL, SP, DEL, 8-bit, '#', '?', '\'; %2F by policy (and, when kept, beside a dot segment);
/// ';', raw or escaped, by policy (and, when kept, on a dot segment: "..;x"); climbing above the root.
/// Returns `raw_path` itself when nothing changes, else a view into `scratch` (at least raw_path.size() bytes: the
/// result is never longer). Idempotent. "*" (OPTIONS *) is the caller's affair.
UriResult normalise_path(std::string_view raw_path, UriPolicy policy, std::span<char> scratch) noexcept;

/// A query with or without its '?': null when sound, else the reason for a 400 (CTL, SP, '#', '\', 8-bit, bad escape).
/// A sound query is passed on byte for byte.
const char* check_query(std::string_view query) noexcept;

}  // namespace postern::http
