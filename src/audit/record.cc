// See record.h.
#include "audit/record.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

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

/// What precedes the texts in a ring: this, a Came where it is not an intent, and the lengths of the texts.
struct Head {
  Nanoseconds time;
  std::uint32_t cut;  // bits by the place in kTexts
  std::uint16_t status;
  RecordKind kind;
  bool is_awaited;
};
struct Came {
  Nanoseconds latency;
  std::uint64_t bytes_in;
  std::uint64_t bytes_out;
};
using Length = std::uint16_t;

constexpr std::size_t largest() {
  std::size_t bytes = sizeof(Head) + sizeof(Came) + kTexts.size() * sizeof(Length);
  for (const Text& text : kTexts) bytes += text.limit;
  return bytes;
}
static_assert(largest() <= kMaxRecordBytes);
static_assert(kTexts.size() <= 32, "bits of `cut`");

constexpr bool stands_in(const Text& text, RecordKind kind) noexcept {
  return text.in == kEverywhere || kind == RecordKind::request ||
         (text.in == kNotInOutcome) == (kind == RecordKind::intent);
}

/// The places in kTexts of what stands in a kind of record: known when this is compiled, so that no loop asks for them.
template <RecordKind kKind>
constexpr std::size_t kCount =
    static_cast<std::size_t>(std::ranges::count_if(kTexts, [](const Text& text) { return stands_in(text, kKind); }));
template <RecordKind kKind>
constexpr auto kPlaces = [] {
  std::array<std::uint8_t, kCount<kKind>> places{};
  std::size_t next = 0;
  for (std::uint8_t i = 0; i < kTexts.size(); ++i) {
    if (stands_in(kTexts[i], kKind)) places[next++] = i;
  }
  return places;
}();

template <RecordKind kKind>
constexpr std::size_t kFixed =
    sizeof(Head) + (kKind == RecordKind::intent ? 0 : sizeof(Came)) + kCount<kKind> * sizeof(Length);

/// Whole characters: a text that is cut within one would not be UTF-8 any more.
std::size_t cut_length(std::string_view text, std::size_t limit) noexcept {
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  return limit;
}

template <RecordKind kKind>
bool append_as(ByteRing& ring, bool is_awaited, const AuditRecord& record) noexcept {
  return [&]<std::size_t... kAt>(std::index_sequence<kAt...>) noexcept {
    Head head{record.time, 0, kKind == RecordKind::intent ? std::uint16_t{0} : record.status, kKind, is_awaited};
    std::array<Length, kCount<kKind>> lengths;
    std::size_t total = kFixed<kKind>;
    const auto measure = [&](std::size_t at, std::size_t place, std::string_view text, std::size_t limit) {
      std::size_t length = text.size();
      if (length > limit) [[unlikely]] {
        length = cut_length(text, limit);
        head.cut |= 1U << place;
      }
      lengths[at] = static_cast<Length>(length);
      total += length;
    };
    (measure(kAt, kPlaces<kKind>[kAt], record.*kTexts[kPlaces<kKind>[kAt]].view, kTexts[kPlaces<kKind>[kAt]].limit),
     ...);
    char* to = ring.reserve(total);
    if (to == nullptr) return false;
    const auto put = [&to](const void* from, std::size_t size) {
      std::memcpy(to, from, size);
      to += size;
    };
    put(&head, sizeof head);
    if constexpr (kKind != RecordKind::intent) {
      const Came came{record.latency, record.bytes_in, record.bytes_out};
      put(&came, sizeof came);
    }
    put(lengths.data(), sizeof lengths);
    const auto copy = [&to](const char* from, std::size_t size) {
      copy_text(to, from, size);
      to += size;
    };
    (copy((record.*kTexts[kPlaces<kKind>[kAt]].view).data(), lengths[kAt]), ...);
    ring.commit(total);
    return true;
  }(std::make_index_sequence<kCount<kKind>>());
}

template <RecordKind kKind>
bool decode_as(std::span<const char> bytes, AuditRecord& record) noexcept {
  if (bytes.size() < kFixed<kKind>) return false;
  const char* at = bytes.data() + sizeof(Head);
  if constexpr (kKind != RecordKind::intent) {
    Came came;
    std::memcpy(&came, at, sizeof came);
    at += sizeof came;
    record.latency = came.latency;
    record.bytes_in = came.bytes_in;
    record.bytes_out = came.bytes_out;
  }
  std::array<Length, kCount<kKind>> lengths;
  std::memcpy(lengths.data(), at, sizeof lengths);
  at += sizeof lengths;
  std::size_t total = kFixed<kKind>;
  for (const Length length : lengths) total += length;
  if (total != bytes.size()) return false;
  return [&]<std::size_t... kAt>(std::index_sequence<kAt...>) noexcept {
    const auto take = [&at](std::size_t length) {
      at += length;
      return std::string_view(at - length, length);
    };
    ((record.*kTexts[kPlaces<kKind>[kAt]].view = take(lengths[kAt])), ...);
    return true;
  }(std::make_index_sequence<kCount<kKind>>());
}

}  // namespace

bool append(ByteRing& ring, RecordKind kind, bool is_awaited, const AuditRecord& record) noexcept {
  switch (kind) {
    case RecordKind::intent:
      return append_as<RecordKind::intent>(ring, is_awaited, record);
    case RecordKind::outcome:
      return append_as<RecordKind::outcome>(ring, is_awaited, record);
    case RecordKind::request:
      return append_as<RecordKind::request>(ring, is_awaited, record);
  }
  return false;
}

bool decode(std::span<const char> bytes, DecodedRecord& decoded) noexcept {
  Head head;
  if (bytes.size() < sizeof head) return false;
  std::memcpy(&head, bytes.data(), sizeof head);
  decoded.record.time = head.time;
  decoded.record.status = head.status;
  decoded.kind = head.kind;
  decoded.is_awaited = head.is_awaited;
  decoded.cut = head.cut;
  switch (head.kind) {
    case RecordKind::intent:
      return decode_as<RecordKind::intent>(bytes, decoded.record);
    case RecordKind::outcome:
      return decode_as<RecordKind::outcome>(bytes, decoded.record);
    case RecordKind::request:
      return decode_as<RecordKind::request>(bytes, decoded.record);
  }
  return false;
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
