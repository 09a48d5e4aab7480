#include "proxy/heads.h"

#include <cstring>

#include "http/forwarded.h"
#include "http/hop.h"
#include "http/list.h"
#include "proxy/gate.h"
#include "proxy/grpc_call.h"
#include "proxy/sticky.h"
#include "route/route.h"

namespace postern::proxy {

namespace {

constexpr Reply kNoRoom{
    .status = 431, .reason = metrics::Reason::headers_too_large, .detail = "too many header fields"};

constexpr std::uint64_t kForwarding = http::bit(http::FieldId::forwarded) | http::bit(http::FieldId::x_forwarded_for) |
                                      http::bit(http::FieldId::x_forwarded_host) |
                                      http::bit(http::FieldId::x_forwarded_port) |
                                      http::bit(http::FieldId::x_forwarded_proto) |
                                      http::bit(http::FieldId::x_real_ip) | http::bit(http::FieldId::x_request_id);

/// A text of this request's own: "before, value". Empty when there is no room, which drops the chain rather than
/// forwarding half of it.
std::string_view joined(RequestContext& rc, std::string_view before, std::string_view value) noexcept {
  const std::size_t size = before.size() + (before.empty() ? 0 : 2) + value.size();
  if (before.empty() || size > rc.text_space.size() - rc.text_used) return value;
  char* const start = rc.text_space.data() + rc.text_used;
  std::memcpy(start, before.data(), before.size());
  std::memcpy(start + before.size(), ", ", 2);
  std::memcpy(start + before.size() + 2, value.data(), value.size());
  rc.text_used += size;
  return {start, size};
}

/// All lines of one name as one list, as far as there is room.
std::string_view all_of(RequestContext& rc, http::FieldId id) noexcept {
  const http::Fields& fields = rc.request().fields;
  if (fields.count(id) <= 1) return fields.find(id);
  std::string_view list;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields.id(i) == id) list = joined(rc, list, fields[i].value);
  }
  return list;
}

std::string_view forwarded_element(RequestContext& rc) noexcept {
  const Peer& peer = rc.exchange.peer();
  if (http::forwarded_bound(rc.authority) > rc.text_space.size() - rc.text_used) return {};
  char* const start = rc.text_space.data() + rc.text_used;
  http::Address from = peer.address;
  from.port = 0;
  char* const end = http::write_forwarded(start, from, rc.authority, rc.request().scheme);
  rc.text_used += static_cast<std::size_t>(end - start);
  return {start, static_cast<std::size_t>(end - start)};
}

void remove_all(http::Fields& fields, std::uint64_t ids) noexcept {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) seen |= http::bit(fields.id(i));
  for (seen &= ids & ~http::bit(http::FieldId::other); seen != 0; seen &= seen - 1) {
    fields.remove(static_cast<http::FieldId>(__builtin_ctzll(seen)));
  }
}

/// What we tell the upstream about the client: of an untrusted peer nothing survives but what we saw ourselves.
bool add_forwarding(RequestContext& rc) noexcept {
  http::RequestHead& head = rc.request();
  http::Fields& fields = head.fields;
  const Peer& peer = rc.exchange.peer();
  std::string_view chain, host, proto, forwarded;
  if (peer.trusted) {
    chain = all_of(rc, http::FieldId::x_forwarded_for);
    host = fields.find(http::FieldId::x_forwarded_host);
    proto = fields.find(http::FieldId::x_forwarded_proto);
    forwarded = all_of(rc, http::FieldId::forwarded);
    if (const std::string_view id = fields.find(http::FieldId::x_request_id); !id.empty() && id.size() <= 128)
      rc.request_id = id;
    if (!forwarded.empty()) forwarded = joined(rc, forwarded, forwarded_element(rc));
  }
  remove_all(fields, kForwarding);
  if (peer.address.is_known()) chain = joined(rc, chain, peer.address_text);
  bool fits = chain.empty() || fields.add(http::FieldId::x_forwarded_for, chain);
  fits &= fields.add(http::FieldId::x_forwarded_proto, !proto.empty()                       ? proto
                                                       : head.scheme == http::Scheme::https ? "https"
                                                                                            : "http");
  fits &= fields.add(http::FieldId::x_forwarded_host, host.empty() ? rc.authority : host);
  if (!forwarded.empty()) fits &= fields.add(http::FieldId::forwarded, forwarded);
  fits &= fields.add(http::FieldId::x_request_id, rc.request_id);
  return fits;
}

/// How much is left of what the caller may do (draft-ietf-httpapi-ratelimit-headers).
bool add_rate_limit(RequestContext& rc, http::ResponseHead& head) noexcept {
  if (head.status < 200) return true;
  Caller& caller = *rc.caller;
  const std::string_view left = caller.taken.write_rate_limit(caller.rate_limit_space);
  if (left.empty()) return true;
  const AccessRule& rule = *rc.generation->snapshot->access->of(rc.match.route->index);
  return head.fields.add("RateLimit", left) && head.fields.add("RateLimit-Policy", rule.limits.policy);
}

}  // namespace

http::Scheme client_scheme(const RequestContext& rc) noexcept {
  const http::Scheme seen = rc.exchange.peer().secure ? http::Scheme::https : http::Scheme::http;
  const http::Fields& fields = rc.exchange.request().fields;
  if (!rc.exchange.peer().trusted || fields.count(http::FieldId::x_forwarded_proto) != 1) return seen;
  const std::string_view said = fields.find(http::FieldId::x_forwarded_proto);
  const std::string_view last = http::trim(said.substr(said.rfind(',') + 1));  // the peer's own; before it, anybody's
  return http::iequals(last, "https") ? http::Scheme::https : http::iequals(last, "http") ? http::Scheme::http : seen;
}

void find_client(RequestContext& rc) noexcept {
  const Peer& peer = rc.exchange.peer();
  rc.client = peer.address_text;
  rc.client_address = peer.address;
  if (!peer.trusted) return;
  const http::Fields& fields = rc.request().fields;
  const auto source = fields.has(http::FieldId::x_forwarded_for) ? http::ForwardedSource::x_forwarded_for
                                                                 : http::ForwardedSource::forwarded;
  const net::CidrList& trusted = rc.listener.trusted_proxies;
  const http::Address client =
      http::client_address(fields, peer.address, source, [&](const http::Address& a) { return trusted.contains(a); });
  if (!client.is_known()) return;
  rc.client_address = client;
  char* const end = http::write_ip(rc.client_space.data(), client);
  rc.client = {rc.client_space.data(), static_cast<std::size_t>(end - rc.client_space.data())};
}

const Reply* prepare_request(RequestContext& rc) noexcept {
  http::RequestHead& head = rc.request();
  const route::Forward& forward = *rc.match.route->forward();
  http::strip_hop_by_hop(head.fields);
  head.fields.remove(http::FieldId::expect);  // we answer it ourselves, when the body is wanted
  head.expect_continue = false;
  // gRPC cannot do without, and some of its servers refuse calls that do not say so.
  head.accepts_trailers = forwards_grpc(rc) || (head.accepts_trailers && !forward.response_trailers.empty());
  constexpr std::string_view kVia[] = {"1.0 postern", "1.1 postern", "2 postern"};
  const std::string_view via = kVia[head.minor_version];
  const bool fits = prepare_identity(rc) && add_forwarding(rc) && rc.trace.inject(head.fields) &&
                    head.fields.add(http::FieldId::via, via);
  if (!fits || !rc.match.route->request_headers.apply(head.fields)) return &kNoRoom;
  return nullptr;
}

bool prepare_response(RequestContext& rc, http::ResponseHead& head, std::string_view date) noexcept {
  http::strip_hop_by_hop(head.fields);
  if (head.status >= 200 && !rc.trace.add_server_timing(rc, head)) return false;
  // What a gRPC server says without a message is metadata to its caller: nothing is put beside it.
  const bool alone = rc.grpc == grpc::Kind::grpc;
  if (rc.caller && !rc.caller->dpop_nonce.empty() && !alone && !head.fields.add("DPoP-Nonce", rc.caller->dpop_nonce))
    return false;
  if (rc.caller && rc.caller->limited && !alone && !add_rate_limit(rc, head)) return false;
  if (rc.sticky_policy && !alone && !add_sticky_cookie(rc, head)) return false;
  if (!rc.match.route->response_headers.empty() && !rc.match.route->response_headers.apply(head.fields)) return false;
  if (alone || head.fields.has(http::FieldId::date)) return true;
  return head.fields.add(http::FieldId::date, date);
}

void settle_head(RequestContext& rc) {
  http::RequestHead& head = rc.request();
  std::string_view agent = head.fields.find(http::FieldId::user_agent);
  std::string_view referer = head.fields.find("Referer");
  const char* const path = rc.matched_path.data();
  std::string_view* const kept[] = {&head.method_token, &head.target,    &rc.authority, &rc.request_id, &agent,
                                    &referer,           &rc.matched_path};
  std::size_t size = 0;
  for (const std::string_view* text : kept) size += text->size();
  rc.trace.forget_head();
  rc.tunnel_space = std::make_unique<char[]>(size);
  char* out = rc.tunnel_space.get();
  for (std::string_view* text : kept) {
    if (text->empty()) continue;
    std::memcpy(out, text->data(), text->size());
    *text = {out, text->size()};
    out += text->size();
  }
  for (std::size_t i = 0; i < rc.match.variable_count; ++i) {
    std::string_view& variable = rc.match.variables[i];
    variable = rc.matched_path.substr(static_cast<std::size_t>(variable.data() - path), variable.size());
  }
  rc.match.tail = {};
  head.authority = head.host = head.path = head.query = {};
  head.fields.clear();
  if (!agent.empty()) head.fields.add(http::FieldId::user_agent, agent);
  if (!referer.empty()) head.fields.add("Referer", referer);
  rc.path_space.release();
  rc.exchange.drop_head();
}

const http::Fields* allowed_trailers(const route::TrailerList& list, const http::Fields& all,
                                     http::Fields& out) noexcept {
  out.clear();
  if (list.empty() || all.empty()) return nullptr;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const http::Field field = all[i];
    if (list.allows(field.name)) out.add(field.name, field.value, field.id);
  }
  return out.empty() ? nullptr : &out;
}

}  // namespace postern::proxy
