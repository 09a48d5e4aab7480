// See record.h.
#include "accesslog/record.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/copy_text.h"

namespace postern::accesslog {
namespace {

struct Text {
  std::string_view AccessRecord::*view;
  std::uint16_t limit;  // bytes
};

constexpr std::array kTexts = {
    Text{&AccessRecord::request_id, 128}, Text{&AccessRecord::client, 128},     Text{&AccessRecord::listener, 64},
    Text{&AccessRecord::route, 128},      Text{&AccessRecord::user, 256},       Text{&AccessRecord::method, 32},
    Text{&AccessRecord::host, 256},       Text{&AccessRecord::target, 4096},    Text{&AccessRecord::upstream, 128},
    Text{&AccessRecord::endpoint, 128},   Text{&AccessRecord::tls_version, 16}, Text{&AccessRecord::user_agent, 512},
    Text{&AccessRecord::referer, 1024},   Text{&AccessRecord::error, 64},       Text{&AccessRecord::trace_id, 32},
    Text{&AccessRecord::access, 160},
};

/// What precedes the texts in a ring.
struct Packed {
  std::int64_t time_ns;
  std::int64_t duration_ns;
  std::int64_t upstream_ns;
  std::uint64_t bytes_in;
  std::uint64_t bytes_out;
  std::uint16_t status;
  std::uint16_t retries;
  std::uint8_t http_major;
  std::uint8_t http_minor;
  std::array<std::uint16_t, kTexts.size()> lengths;
  std::uint32_t cut;
};

constexpr std::size_t largest() {
  std::size_t bytes = sizeof(Packed);
  for (const Text& text : kTexts) bytes += text.limit;
  return bytes;
}
static_assert(largest() <= kMaxRecordBytes);

constexpr bool cut_bits_fit() {
  const auto is = [](std::uint32_t bit, std::string_view AccessRecord::*view) {
    return kTexts[static_cast<std::size_t>(std::countr_zero(bit))].view == view;
  };
  return is(kCutMethod, &AccessRecord::method) && is(kCutHost, &AccessRecord::host) &&
         is(kCutTarget, &AccessRecord::target) && is(kCutAgent, &AccessRecord::user_agent) &&
         is(kCutReferer, &AccessRecord::referer);
}
static_assert(cut_bits_fit(), "Cut names the bits of this table");

}  // namespace

bool append(ByteRing& ring, const AccessRecord& record) noexcept {
  Packed packed{};
  std::size_t total = sizeof packed;
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    std::size_t length = (record.*kTexts[i].view).size();
    if (length > kTexts[i].limit) [[unlikely]] {
      length = kTexts[i].limit;
      packed.cut |= 1U << i;
    }
    packed.lengths[i] = static_cast<std::uint16_t>(length);
    total += length;
  }
  char* place = ring.reserve(total);
  if (place == nullptr) return false;
  packed.time_ns = record.time_ns;
  packed.duration_ns = record.duration_ns;
  packed.upstream_ns = record.upstream_ns;
  packed.bytes_in = record.bytes_in;
  packed.bytes_out = record.bytes_out;
  packed.status = record.status;
  packed.retries = record.retries;
  packed.http_major = record.http_major;
  packed.http_minor = record.http_minor;
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
  AccessRecord& record = decoded.record;
  record.time_ns = packed.time_ns;
  record.duration_ns = packed.duration_ns;
  record.upstream_ns = packed.upstream_ns;
  record.bytes_in = packed.bytes_in;
  record.bytes_out = packed.bytes_out;
  record.status = packed.status;
  record.retries = packed.retries;
  record.http_major = packed.http_major;
  record.http_minor = packed.http_minor;
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    const std::size_t length = packed.lengths[i];
    if (length > bytes.size()) return false;
    record.*kTexts[i].view = {bytes.data(), length};
    bytes = bytes.subspan(length);
  }
  decoded.cut = packed.cut;
  return bytes.empty();
}

}  // namespace postern::accesslog
