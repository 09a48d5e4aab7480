// See json_line.h.
#include "accesslog/json_line.h"

#include <cstdint>

#include "base/json_cursor.h"

namespace postern::accesslog {
namespace {

// Every byte of a record as \uXXXX, and all names. Taking secrets out never makes a text six times as long.
constexpr std::size_t kRoom = 6 * kMaxRecordBytes + 2048;

}  // namespace

JsonLine::JsonLine() : room_(std::make_unique_for_overwrite<char[]>(kRoom)) {}

std::string_view JsonLine::render(const DecodedRecord& decoded, const Prepared& prepared) {
  const AccessRecord& r = decoded.record;
  JsonCursor line(room_.get(), escaped_);
  line.literal("{\"time\":\"");
  line.copy(prepared.second);
  line.thousandths(static_cast<std::uint64_t>(r.time_ns % 1'000'000'000) / 1'000'000);
  line.literal("Z\"");
  line.member(",\"request_id\":\"", r.request_id);
  line.member(",\"client\":\"", r.client);
  line.member(",\"listener\":\"", r.listener);
  line.member(",\"route\":\"", r.route);
  line.member(",\"user\":\"", r.user);
  line.member(",\"method\":\"", r.method, (decoded.cut & kCutMethod) != 0);
  line.member(",\"host\":\"", prepared.host, (decoded.cut & kCutHost) != 0);
  line.member(",\"target\":\"", prepared.target, (decoded.cut & kCutTarget) != 0);
  const char version[] = {static_cast<char>('0' + r.http_major % 10), '.', static_cast<char>('0' + r.http_minor % 10)};
  line.member(",\"http\":\"", std::string_view(version, sizeof version));
  line.member(",\"tls\":\"", r.tls_version);
  line.literal(",\"status\":");
  line.number(r.status);
  line.literal(",\"bytes_in\":");
  line.number(r.bytes_in);
  line.literal(",\"bytes_out\":");
  line.number(r.bytes_out);
  line.literal(",\"duration_ms\":");
  line.ms(r.duration_ns);
  line.member(",\"upstream\":\"", r.upstream);
  line.member(",\"endpoint\":\"", r.endpoint);
  if (r.upstream_ns >= 0) {
    line.literal(",\"upstream_ms\":");
    line.ms(r.upstream_ns);
  }
  if (r.retries != 0) {
    line.literal(",\"retries\":");
    line.number(r.retries);
  }
  line.member(",\"user_agent\":\"", r.user_agent, (decoded.cut & kCutAgent) != 0);
  line.member(",\"referer\":\"", prepared.referer, (decoded.cut & kCutReferer) != 0);
  line.member(",\"error\":\"", r.error);
  line.member(",\"trace_id\":\"", r.trace_id);
  line.member(",\"access\":\"", r.access);
  line.literal("}\n");
  return {room_.get(), static_cast<std::size_t>(line.at() - room_.get())};
}

}  // namespace postern::accesslog
