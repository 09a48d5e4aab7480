#include "proxy/deadline.h"

#include <algorithm>
#include <charconv>

#include "grpc/timeout.h"
#include "http/deadline.h"
#include "route/route.h"

namespace postern::proxy {

namespace {

void shrink(TimeLimit& limit, std::chrono::milliseconds asked) noexcept {
  asked = std::max(asked, std::chrono::milliseconds(1));  // 0 would be no limit
  if (limit.total.count() > 0 && limit.total <= asked) return;
  limit = {asked, true};
}

}  // namespace

TimeLimit time_limit(RequestContext& rc) noexcept {
  TimeLimit limit{rc.match.route->request_timeout};
  const http::Fields& fields = rc.request().fields;
  const std::string& header = rc.match.route->forward()->deadline_header;
  if (!header.empty()) {
    if (const auto asked = http::parse_deadline(fields.find(header))) shrink(limit, *asked);
  }
  if (rc.grpc == grpc::Kind::none) return limit;
  if (const auto asked = grpc::parse_timeout(fields.find("grpc-timeout"))) shrink(limit, *asked);
  return limit;
}

std::string_view write_grpc_timeout(char* space, std::int64_t ms) noexcept {
  constexpr std::int64_t kMost = 99'999'999;
  const bool seconds = ms > kMost;
  const std::int64_t value = std::clamp<std::int64_t>(seconds ? ms / 1000 : ms, seconds ? 0 : 1, kMost);
  char* const end = std::to_chars(space, space + 8, value).ptr;
  *end = seconds ? 'S' : 'm';
  return {space, static_cast<std::size_t>(end - space) + 1};
}

}  // namespace postern::proxy
