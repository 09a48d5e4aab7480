// See record.h.
#include "audit/record.h"

#include <array>
#include <cstring>

#include "base/copy_text.h"

namespace postern::audit {
namespace {

/// In which lines a text stands: an outcome leaves out what its intent has said.
enum In : std::uint8_t { kEverywhere, kNotInOutcome, kNotInIntent };

struct Text {
  std::string_view AuditRecord::*view;
  std::uint16_t limit;  // bytes
  In in;
};

constexpr std::array kTexts = {
    Text{&AuditRecord::request_id, 128, kEverywhere},  Text{&AuditRecord::trace_id, 32, kNotInOutcome},
    Text{&AuditRecord::subject, 512, kNotInOutcome},   Text{&AuditRecord::issuer, 512, kNotInOutcome},
    Text{&AuditRecord::client_id, 256, kNotInOutcome}, Text{&AuditRecord::client, 64, kNotInOutcome},
    Text{&AuditRecord::credential, 32, kNotInOutcome}, Text{&AuditRecord::credential_id, 256, kNotInOutcome},
    Text{&AuditRecord::route, 128, kNotInOutcome},     Text{&AuditRecord::method, 32, kNotInOutcome},
    Text{&AuditRecord::host, 256, kNotInOutcome},      Text{&AuditRecord::path, 4096, kNotInOutcome},
    Text{&AuditRecord::model, 256, kNotInOutcome},     Text{&AuditRecord::version, 64, kNotInOutcome},
    Text{&AuditRecord::action, 64, kNotInOutcome},     Text{&AuditRecord::decision, 32, kNotInOutcome},
    Text{&AuditRecord::reason, 512, kNotInOutcome},    Text{&AuditRecord::cache, 16, kNotInIntent},
    Text{&AuditRecord::upstream, 128, kNotInIntent},   Text{&AuditRecord::endpoint, 128, kNotInIntent},
};

/// What precedes the texts in a ring.
struct Packed {
  Nanoseconds time;
  Nanoseconds latency;
  std::uint64_t bytes_in;
  std::uint64_t bytes_out;
  std::uint32_t cut;
  std::uint16_t status;
  RecordKind kind;
  bool is_awaited;
  std::array<std::uint16_t, kTexts.size()> lengths;
};

constexpr std::size_t largest() {
  std::size_t bytes = sizeof(Packed);
  for (const Text& text : kTexts) bytes += text.limit;
  return bytes;
}
static_assert(largest() <= kMaxRecordBytes);
static_assert(kTexts.size() <= 32, "bits of `cut`");

constexpr bool stands_in(const Text& text, RecordKind kind) noexcept {
  return text.in == kEverywhere || kind == RecordKind::request ||
         (text.in == kNotInOutcome) == (kind == RecordKind::intent);
}

/// Whole characters: a text that is cut within one would not be UTF-8 any more.
std::size_t cut_length(std::string_view text, std::size_t limit) noexcept {
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  return limit;
}

}  // namespace

bool append(ByteRing& ring, RecordKind kind, bool is_awaited, const AuditRecord& record) noexcept {
  Packed packed{};
  std::size_t total = sizeof packed;
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    if (!stands_in(kTexts[i], kind)) continue;
    const std::string_view text = record.*kTexts[i].view;
    std::size_t length = text.size();
    if (length > kTexts[i].limit) [[unlikely]] {
      length = cut_length(text, kTexts[i].limit);
      packed.cut |= 1U << i;
    }
    packed.lengths[i] = static_cast<std::uint16_t>(length);
    total += length;
  }
  char* place = ring.reserve(total);
  if (place == nullptr) return false;
  packed.time = record.time;
  packed.kind = kind;
  packed.is_awaited = is_awaited;
  if (kind != RecordKind::intent) {
    packed.latency = record.latency;
    packed.bytes_in = record.bytes_in;
    packed.bytes_out = record.bytes_out;
    packed.status = record.status;
  }
  std::memcpy(place, &packed, sizeof packed);
  place += sizeof packed;
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    const std::size_t length = packed.lengths[i];
    if (length == 0) continue;
    copy_text(place, (record.*kTexts[i].view).data(), length);
    place += length;
  }
  ring.commit(total);
  return true;
}

bool decode(std::span<const char> bytes, DecodedRecord& decoded) noexcept {
  Packed packed;
  if (bytes.size() < sizeof packed) return false;
  std::memcpy(&packed, bytes.data(), sizeof packed);
  bytes = bytes.subspan(sizeof packed);
  AuditRecord& record = decoded.record;
  record.time = packed.time;
  record.latency = packed.latency;
  record.bytes_in = packed.bytes_in;
  record.bytes_out = packed.bytes_out;
  record.status = packed.status;
  decoded.kind = packed.kind;
  decoded.is_awaited = packed.is_awaited;
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    const std::size_t length = packed.lengths[i];
    if (length > bytes.size()) return false;
    record.*kTexts[i].view = {bytes.data(), length};
    bytes = bytes.subspan(length);
  }
  decoded.cut = packed.cut;
  return bytes.empty();
}

bool is_cut(const DecodedRecord& decoded, std::string_view AuditRecord::*text) noexcept {
  if (decoded.cut == 0) [[likely]]
    return false;
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    if (kTexts[i].view == text) return (decoded.cut >> i & 1) != 0;
  }
  return false;
}

}  // namespace postern::audit
