#include "identity/followed_issuer.h"

#include <algorithm>
#include <tuple>

#include "identity/key_file.h"

namespace postern::identity {
namespace {

auto source_of(const config::Issuer& issuer) {
  return std::tie(issuer.url, issuer.jwks_url, issuer.jwks_file, issuer.pem_file, issuer.secret_file, issuer.ca,
                  issuer.allow_private, issuer.allow_http, issuer.keys_max_stale);
}

}  // namespace

FollowedIssuer::FollowedIssuer(net::Loop& loop, const config::Issuer& issuer, std::int64_t now_ms)
    : settings(issuer), schedule(now_ms, issuer.keys_max_stale.count()), wake(loop) {
  if (!key_file_of(issuer).empty()) watch.emplace(std::vector{key_file_of(issuer)});
}

bool FollowedIssuer::has_source_of(const config::Issuer& issuer) const {
  return source_of(settings) == source_of(issuer);
}

std::int64_t FollowedIssuer::pause_ms(std::int64_t now_ms) const noexcept {
  if (is_file()) return kFileLookMs;
  const std::int64_t next = keys ? std::min(schedule.due_ms(), schedule.spent_ms()) : schedule.due_ms();
  return std::max<std::int64_t>(next - now_ms, 1);
}

void FollowedIssuer::leave() noexcept {
  is_leaving = true;
  if (fetch) fetch->cancel();
  wake.notify();
}

}  // namespace postern::identity
