// The table's part on whose turn it is: how requests are spread over an upstream's endpoints.
#include <array>

#include "config/schema.h"
#include "config/schema_bind.h"
#include "config/syntax.h"

namespace postern::config {
namespace {

bool is_token(std::string_view text) noexcept {
  constexpr std::string_view kAlso = "!#$%&'*+-.^_`|~";
  if (text.empty() || text.size() > 64) return false;
  for (const char c : text) {
    const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alphanumeric && kAlso.find(c) == std::string_view::npos) return false;
  }
  return true;
}

std::string check_key(std::string_view text) {
  if (text.empty() || text == "client" || text == "body") return "";
  for (const std::string_view prefix : {"header:", "cookie:", "path:"}) {
    if (text.starts_with(prefix)) return is_token(text.substr(prefix.size())) ? "" : "not a name behind the colon";
  }
  return "not something that can be hashed";
}

std::string check_cookie(std::string_view text) { return is_token(text) ? "" : "not a cookie's name"; }
std::string check_zone(std::string_view text) { return text.size() <= 64 ? "" : "too long"; }
std::string check_kind(std::string_view text) { return check_name(text); }

constexpr std::array kSections{
    bind::inside<&Upstream::balance>("upstream[].balance", "Whose turn it is."),
    bind::repeated<&Upstream::members>("upstream[].endpoint[]",
                                       "An endpoint with more to say than its address; may stand beside endpoints."),
    bind::optional<&Upstream::sticky>("upstream[].sticky",
                                      "A client stays with its endpoint, by a signed cookie; without this table it "
                                      "does not."),
};

constexpr std::array kKeys{
    KeySpec{.path = "zone",
            .bind = bind::string<&Settings::zone>,
            .check = {check_zone, "at most 64 characters"},
            .doc = "Where this process runs; endpoints of the same zone come before others of their priority. Empty: "
                   "zones do not matter."},
    KeySpec{.path = "upstream[].balance.kind",
            .bind = bind::string<&UpstreamBalance::kind>,
            .fallback = "p2c_ewma",
            .check = {check_kind, "a balancer, see `postern list balancers`"},
            .doc = "The balancer; `postern list balancers` has them all."},
    KeySpec{.path = "upstream[].balance.key",
            .bind = bind::string<&UpstreamBalance::key>,
            .check = {check_key, "client, body, header:NAME, cookie:NAME or path:NAME"},
            .doc = "What hash hashes: the client's address, a header, a cookie, a variable of the route's path, or the "
                   "body as far as it is buffered. Requests without it go as if balanced at random."},
    KeySpec{
        .path = "upstream[].balance.slow_start",
        .bind = bind::duration<&UpstreamBalance::slow_start>,
        .fallback = "0s",
        .max = 86'400'000,
        .doc = "How long an endpoint that is new, or healthy again, takes from a tenth of its weight to all of it."},
    KeySpec{.path = "upstream[].balance.panic_threshold",
            .bind = bind::integer<&UpstreamBalance::panic_threshold>,
            .fallback = "50",
            .max = 100,
            .doc =
                "When fewer than this share of the endpoints, in percent, may be used, all are: better some requests "
                "fail than the rest breaks down. 0: never."},
    KeySpec{.path = "upstream[].endpoint[].address",
            .bind = bind::string<&UpstreamEndpoint::address>,
            .check = {check_endpoint, "\"host:port\", \"[::1]:9000\" or \"unix:/run/model.sock\""},
            .required = true,
            .example = "\"127.0.0.1:9001\"",
            .doc = "As an item of endpoints."},
    KeySpec{.path = "upstream[].endpoint[].weight",
            .bind = bind::integer<&UpstreamEndpoint::weight>,
            .fallback = "1",
            .max = 1000,
            .doc = "Its share, compared with others; 0: known, but gets nothing."},
    KeySpec{.path = "upstream[].endpoint[].priority",
            .bind = bind::integer<&UpstreamEndpoint::priority>,
            .fallback = "0",
            .max = 100,
            .doc = "Endpoints of a higher number get requests as those below it are ill."},
    KeySpec{.path = "upstream[].endpoint[].zone",
            .bind = bind::string<&UpstreamEndpoint::zone>,
            .check = {check_zone, "at most 64 characters"},
            .doc = "Where it runs; compared with the process's own zone."},
    KeySpec{.path = "upstream[].sticky.cookie",
            .bind = bind::string<&UpstreamSticky::cookie>,
            .check = {check_cookie, "a name"},
            .required = true,
            .example = "\"POSTERN_ENDPOINT\"",
            .doc = "The cookie that remembers the endpoint."},
    KeySpec{.path = "upstream[].sticky.key_file",
            .bind = bind::file_name<&UpstreamSticky::key_file>,
            .doc =
                "A file with at least 32 bytes, the same for every proxy that shall know the cookie; empty: a key of "
                "this process, and a restart forgets who was where."},
    KeySpec{.path = "upstream[].sticky.max_age",
            .bind = bind::duration<&UpstreamSticky::max_age>,
            .fallback = "0s",
            .max = 365ull * 86'400'000,
            .doc = "How long a browser keeps the cookie; 0s: until it closes."},
};

}  // namespace

SchemaPart balance_schema() { return {kSections, kKeys}; }

}  // namespace postern::config
