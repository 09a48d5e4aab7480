// One line of the access log as values, and its way through a ring: raw copies on the core, text on the writer thread.
// append() is all that a request pays; formatting and redaction (format.h) run off the request path.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/byte_ring.h"

namespace postern::accesslog {

/// Views need to live for the call of append() only. Empty texts and negative durations mean "there was none".
struct AccessRecord {
  std::int64_t time_ns = 0;       // when the request's head was read: now_ns() in a ring, Unix time in a line
  std::int64_t duration_ns = 0;   // to the last byte of the answer
  std::int64_t upstream_ns = -1;  // to the upstream's first byte
  std::uint64_t bytes_in = 0;     // body
  std::uint64_t bytes_out = 0;    // body
  std::uint16_t status = 0;       // 0: no answer
  std::uint16_t retries = 0;
  std::uint8_t http_major = 1;
  std::uint8_t http_minor = 1;
  std::string_view request_id;
  std::string_view client;  // address, as decided by the trust settings
  std::string_view listener;
  std::string_view route;
  std::string_view user;  // who, once there are identities
  std::string_view method;
  std::string_view host;
  std::string_view target;    // path and query as received
  std::string_view upstream;  // its name
  std::string_view endpoint;
  std::string_view tls_version;
  std::string_view user_agent;
  std::string_view referer;
  std::string_view error;  // metrics::to_string(Reason)
  std::string_view trace_id;
  std::string_view access;  // why the caller was not believed, or may not
};

/// The most that a record takes in a ring; longer texts are cut and marked with "..." in the line.
inline constexpr std::size_t kMaxRecordBytes = 8192;

/// Copies the record into the ring. False: it was full and the record is dropped (counted in the ring).
/// Never blocks, never allocates, no system call.
bool append(ByteRing& ring, const AccessRecord& record) noexcept;

/// A record as it came out of a ring: views into the ring's bytes.
struct DecodedRecord {
  AccessRecord record;
  std::uint32_t cut = 0;  // which texts were too long: bits as in Cut
};

/// Texts that a client can make long; cut ones are marked in the line.
enum Cut : std::uint32_t {
  kCutMethod = 1U << 5,
  kCutHost = 1U << 6,
  kCutTarget = 1U << 7,
  kCutAgent = 1U << 11,
  kCutReferer = 1U << 12
};

/// False: not what append() wrote.
bool decode(std::span<const char> bytes, DecodedRecord& decoded) noexcept;

}  // namespace postern::accesslog
