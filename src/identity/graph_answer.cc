#include "identity/graph_answer.h"

#include <algorithm>
#include <optional>

#include "http/field.h"
#include "identity/strict_json.h"

namespace postern::identity {
namespace {

constexpr JsonLimits kLimits{.depth = 8, .values = 16'384};
constexpr std::int64_t kLongestS = 24 * 3600;

bool is_hex(char c) noexcept { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// Empty: read.
std::string_view read(std::string_view body, StrictJson& json) {
  return body.size() > kMostGraphBytes ? "too large" : json.parse_object(body, kLimits);
}

}  // namespace

bool is_guid(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

std::string directory_path_of(const Principal& who) {
  const auto claim = [&who](std::string_view path) -> std::string_view {
    const auto at = std::ranges::lower_bound(who.claims, path, {}, &Claim::path);
    return at != who.claims.end() && at->path == path ? std::string_view(at->value) : std::string_view();
  };
  const std::string_view tenant = claim("tid"), id = claim("oid");
  if (!is_guid(tenant) || !is_guid(id)) return {};
  std::string path(tenant);
  path += claim("idtyp") == "app" ? "/servicePrincipals/" : "/users/";
  return path.append(id);
}

ClientToken parse_client_token(std::string_view body) {
  ClientToken out;
  StrictJson json;
  out.error = read(body, json);
  if (!out.error.empty()) return out;
  std::string_view text, type;
  std::int64_t seconds = 0;
  const bool plain = find_text(json.root(), "access_token", text) == Member::good && !text.empty() &&
                     std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  const bool bearer = find_text(json.root(), "token_type", type) == Member::good && http::iequals(type, "Bearer");
  if (!plain || !bearer || find_time(json.root(), "expires_in", seconds) != Member::good) {
    out.error = "no token for us";
    return out;
  }
  out.text = crypto::SecretText(text);
  out.good_for_s = std::min(seconds, kLongestS);
  return out;
}

GroupsPage parse_groups_page(std::string_view body, const config::HttpUrl& origin, std::vector<std::string>& groups) {
  GroupsPage page;
  StrictJson json;
  page.error = read(body, json);
  if (!page.error.empty()) return page;
  simdjson::dom::array list;
  if (json.root().at_key("value").get(list) != simdjson::SUCCESS) {
    page.error = "no list of groups";
    return page;
  }
  for (const simdjson::dom::element& element : list) {
    StrictJson::Object group;
    std::string_view id;
    const bool is_group = element.get(group) == simdjson::SUCCESS && find_text(group, "id", id) == Member::good;
    if (!is_group || !is_guid(id) || groups.size() == kMostGraphGroups) {
      page.error = is_group && is_guid(id) ? "too many groups" : "a group without an id";
      return page;
    }
    groups.emplace_back(id);
  }
  std::string_view next;
  const Member more = find_text(json.root(), "@odata.nextLink", next);
  if (more == Member::absent) return page;
  const std::optional<config::HttpUrl> url = more == Member::good ? config::parse_http_url(next) : std::nullopt;
  if (!url || url->is_secure != origin.is_secure || url->authority != origin.authority || url->port != origin.port)
    page.error = "a next page somewhere else";
  else
    page.next = url->target;
  return page;
}

}  // namespace postern::identity
