#include "proxy/retry_policy.h"

#include <algorithm>

#include "config/units.h"
#include "grpc/status.h"

namespace postern::proxy {

using config::RetryOn;

namespace {
constexpr std::int64_t kLongestBackoff = 10'000;
}  // namespace

std::optional<TryEnd> end_of(Error error, bool connected, bool answered, bool refused) noexcept {
  if (error.side != Side::upstream || answered) return std::nullopt;
  // A listener that is not there has lost nothing by being asked. One that lets us wait may be overloaded.
  if (!connected) return TryEnd{RetryOn::connect, true, error.code == Code::refused};
  if (error.retry == Retry::always) return TryEnd{RetryOn::refused_stream, true, !refused};
  if (error.retry == Retry::if_reused) return TryEnd{RetryOn::stale, false, false};
  switch (error.code) {
    case Code::closed:
    case Code::reset:
      return TryEnd{RetryOn::reset, false, false};
    case Code::timeout:
      return TryEnd{RetryOn::timeout, false, false};
    default:
      return std::nullopt;
  }
}

std::optional<TryEnd> end_of(const http::ResponseHead& head, bool grpc) noexcept {
  switch (head.status) {
    case 200:
      if (grpc && head.fields.find(grpc::kStatusName) == grpc::to_digits(grpc::Status::unavailable))
        return TryEnd{RetryOn::unavailable, false, false};
      return std::nullopt;
    case 429:
      return TryEnd{RetryOn::status_429, false, false};
    case 500:
      return TryEnd{RetryOn::status_500, false, false};
    case 502:
      return TryEnd{RetryOn::status_502, false, false};
    case 503:
      return TryEnd{RetryOn::status_503, false, false};
    case 504:
      return TryEnd{RetryOn::status_504, false, false};
    default:
      return std::nullopt;
  }
}

bool is_allowed(const route::RetryRules& rules, const TryEnd& end, bool repeatable) noexcept {
  const bool wanted = rules.has(end.cause) || (end.cause == RetryOn::stale && rules.has(RetryOn::reset));
  return wanted && (end.untouched || repeatable);
}

std::optional<std::int64_t> retry_after_ms(const http::Fields& fields) noexcept {
  constexpr std::size_t kMaxDigits = 6;
  const std::string_view text = fields.find("Retry-After");
  if (!text.data()) return std::nullopt;
  if (text.size() > kMaxDigits) return -1;
  const auto seconds = config::parse_unsigned(text);
  return seconds ? static_cast<std::int64_t>(*seconds) * 1000 : -1;
}

std::int64_t backoff_ms(const route::RetryRules& rules, std::uint32_t retry, std::uint64_t random) noexcept {
  const std::int64_t base = rules.backoff.count();
  if (base <= 0) return 0;
  const std::int64_t most = std::min(base << std::min<std::uint32_t>(retry - 1, 10), kLongestBackoff);
  return static_cast<std::int64_t>(random % static_cast<std::uint64_t>(most + 1));
}

}  // namespace postern::proxy
