// What the audit trail says of one request, and its way through a ring: raw copies on the core, text and hashes on the
// writer's thread. Filled by the pipeline. There is no place in it for a token, a cookie, a header or a query, and none
// is to be put into the places that there are.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/byte_ring.h"
#include "base/clock.h"

namespace postern::audit {

/// Views need to live for one call. Empty texts mean "there was none" and leave no member in the line.
struct AuditRecord {
  Nanoseconds time = 0;  // now_ns() when this was so
  std::string_view request_id;
  std::string_view trace_id;
  // Who
  std::string_view subject;
  std::string_view issuer;
  std::string_view client_id;
  std::string_view client;         // address, as decided by the trust settings
  std::string_view credential;     // to_string(CredentialKind)
  std::string_view credential_id;  // never the credential
  // What
  std::string_view route;
  std::string_view method;
  std::string_view host;
  std::string_view path;  // canonical, without the query
  std::string_view model;
  std::string_view version;
  std::string_view action;
  // Whether they may
  std::string_view decision;  // "allow", "deny"
  std::string_view reason;
  // What came of it: not part of an intent
  std::uint16_t status = 0;  // 0: no answer
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  Nanoseconds latency = 0;
  std::string_view cache;  // "hit", "miss"
  std::string_view upstream;
  std::string_view endpoint;
};

/// Which lines a request leaves: an intent and, under the same request id, its outcome; or one `request` that says all.
enum class RecordKind : std::uint8_t { request, intent, outcome };

/// The most that a record takes in a ring; longer texts are cut and end in "..." in the line.
inline constexpr std::size_t kMaxRecordBytes = 8192;

/// Copies the record into the ring; of an outcome only what its intent has not said. `is_awaited`: somebody waits until
/// it is written. False: it was full. Never blocks, never allocates, no system call.
bool append(ByteRing& ring, RecordKind kind, bool is_awaited, const AuditRecord& record) noexcept;

/// A record as it came out of a ring: views into the ring's bytes.
struct DecodedRecord {
  AuditRecord record;
  RecordKind kind = RecordKind::request;
  bool is_awaited = false;
  std::uint32_t cut = 0;  // which texts were too long: for is_cut()
};

/// Sets what stands in this kind of record, and leaves the rest as it was. False: not what append() wrote.
bool decode(std::span<const char> bytes, DecodedRecord& decoded) noexcept;

/// Whether this text of the record had to be shortened.
bool is_cut(const DecodedRecord& decoded, std::string_view AuditRecord::*text) noexcept;

}  // namespace postern::audit
