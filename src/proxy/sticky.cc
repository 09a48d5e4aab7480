#include "proxy/sticky.h"

#include "http/cookie.h"
#include "proxy/hash_key.h"
#include "proxy/heads.h"
#include "proxy/request_context.h"
#include "route/route.h"

namespace postern::proxy {

void find_affinity(RequestContext& rc, std::string_view body) noexcept {
  const Snapshot::UpstreamSpec& upstream = rc.generation->snapshot->upstreams[rc.match.route->forward()->upstream];
  if (upstream.hash_key.from != HashKeySpec::From::nothing) rc.hash_key = hash_key(upstream.hash_key, rc, body);
  if (!upstream.sticky) return;
  rc.sticky_policy = &*upstream.sticky;
  rc.sticky = rc.cluster->find_token(http::find_cookie(rc.request().fields, upstream.sticky->cookie));
}

bool add_sticky_cookie(RequestContext& rc, http::ResponseHead& head) noexcept {
  // What fails is no place to stay at, and news before the answer are not the answer.
  const bool stays = head.status == 101 || (head.status >= 200 && head.status < 500);
  if (!stays || !rc.endpoint || rc.sticky == rc.endpoint->id()) return true;
  const std::string_view token = rc.endpoint->token();
  if (token.empty()) return true;
  const StickyPolicy& policy = *rc.sticky_policy;
  const std::string_view secure = client_scheme(rc) == http::Scheme::https ? "; Secure" : "";
  const std::string_view parts[] = {policy.cookie, "=", token, policy.attributes, secure};
  char* const start = rc.text_space.data() + rc.text_used;
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  if (size > rc.text_space.size() - rc.text_used) return true;  // a longer X-Forwarded-For than any: it goes without
  char* at = start;
  for (const std::string_view part : parts) at += part.copy(at, part.size());
  rc.text_used += size;
  return head.fields.add(http::FieldId::set_cookie, {start, size});
}

}  // namespace postern::proxy
