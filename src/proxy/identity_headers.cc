#include "proxy/identity_headers.h"

#include <algorithm>
#include <array>

#include "proxy/request_context.h"

namespace postern::proxy {

namespace {

using Source = IdentityHeader::Source;

constexpr std::size_t kLongestName = 64;

/// Lower case, letters and digits only, as far as there is room.
struct Plain {
  std::array<char, kLongestName> space;
  std::size_t size = 0;

  explicit Plain(std::string_view name) noexcept {
    for (const char c : name) {
      const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
      const bool kept = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
      if (!kept) continue;
      if (size == space.size()) return;
      space[size++] = lower;
    }
  }
  [[nodiscard]] std::string_view text() const noexcept { return {space.data(), size}; }
};

// In the form of Plain. "xpostern" alone begins what is ours.
constexpr std::string_view kNames[] = {
    "remoteuser",     "remoteemail",     "remotegroups",          "remotename",
    "gapauth",        "gapsignature",    "xremoteuser",           "xuser",
    "xforwardeduser", "xforwardedemail", "xforwardedgroups",      "xforwardedpreferredusername",
    "xforwardedname", "xforwardedroles", "xforwardedaccesstoken", "xforwardedclientcert",
    "xclientcert",    "xsslclientcert",
};
constexpr std::string_view kBeginnings[] = {
    "xauthrequest",           "xpomerium", "xpostern",  "oidcclaim", "oidcaccesstoken", "oidcidtoken", "xgoogiapjwt",
    "xgoogauthenticateduser", "cfaccess",  "xamznoidc", "xamznava",  "xamznmtls",
};

bool begins_like_one(std::string_view name) noexcept {
  for (const char c : name) {
    switch (c | 0x20) {
      case 'x':
      case 'r':
      case 'g':
      case 'o':
      case 'c':
        return true;
      default:
        break;
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return false;
  }
  return false;
}

std::string_view text_of(const Principal& who, Source source) noexcept {
  switch (source) {
    case Source::subject:
      return who.header.subject;
    case Source::email:
      return who.header.email;
    case Source::name:
      return who.header.name;
    case Source::preferred_username:
      return who.header.preferred_username;
    case Source::groups:
      return who.header.groups;
    case Source::roles:
      return who.header.roles;
    default:
      return {};
  }
}

/// Puts texts together in what is left of the request's own room; all or nothing.
class Joiner {
 public:
  explicit Joiner(RequestContext& rc) noexcept : rc_(rc), start_(rc.text_used) {}

  void add(std::string_view text) noexcept {
    if (text.size() > rc_.text_space.size() - rc_.text_used) {
      full_ = true;
      return;
    }
    text.copy(rc_.text_space.data() + rc_.text_used, text.size());
    rc_.text_used += text.size();
  }
  /// As identity::append_header_text() does, for an element of a list.
  void add_escaped(std::string_view text) noexcept {
    constexpr char kHex[] = "0123456789ABCDEF";
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte > 0x20 && byte <= 0x7e && byte != '%' && byte != ',') {
        add({&c, 1});
      } else if (byte == ' ') {
        add(" ");
      } else {
        const char escaped[] = {'%', kHex[byte >> 4], kHex[byte & 15]};
        add({escaped, sizeof escaped});
      }
    }
  }
  /// An empty view where it did not fit.
  std::string_view text() noexcept {
    if (!full_) return {rc_.text_space.data() + start_, rc_.text_used - start_};
    rc_.text_used = start_;
    return {};
  }

 private:
  RequestContext& rc_;
  const std::size_t start_;
  bool full_ = false;
};

std::string_view claim_text(RequestContext& rc, std::string_view path) noexcept {
  const std::vector<Claim>& claims = rc.principal->claims;
  auto found = std::lower_bound(claims.begin(), claims.end(), path,
                                [](const Claim& claim, std::string_view wanted) { return claim.path < wanted; });
  Joiner joiner(rc);
  for (bool first = true; found != claims.end() && found->path == path; ++found, first = false) {
    if (!first) joiner.add(",");
    joiner.add_escaped(found->value);
  }
  return joiner.text();
}

}  // namespace

IdentityNames::IdentityNames(std::span<const std::string> more) {
  for (const std::string& name : more) more_.emplace_back(Plain(name).text());
}

bool IdentityNames::contains(std::string_view name) const noexcept {
  if (more_.empty() && !begins_like_one(name)) return false;
  const Plain plain(name);
  const std::string_view text = plain.text();
  for (const std::string_view beginning : kBeginnings) {
    if (text.starts_with(beginning)) return true;
  }
  return std::find(std::begin(kNames), std::end(kNames), text) != std::end(kNames) ||
         std::find(more_.begin(), more_.end(), text) != more_.end();
}

void IdentityNames::strip(http::Fields& fields) const noexcept {
  fields.remove_if(
      [this](const http::Field& field) { return field.id == http::FieldId::other && contains(field.name); });
}

std::vector<IdentityHeader> identity_headers(const config::RouteAccess& access) {
  std::vector<IdentityHeader> headers;
  const auto add = [&](const char* name, Source source, std::string_view before = {}) {
    headers.push_back({name, source, {}, before});
  };
  switch (access.headers) {
    case config::IdentityHeaders::none:
      break;
    case config::IdentityHeaders::plain:
      add("Remote-User", Source::subject);
      add("Remote-Email", Source::email);
      add("Remote-Name", Source::name);
      add("Remote-Groups", Source::groups);
      break;
    case config::IdentityHeaders::oauth2_proxy:
      add("X-Forwarded-User", Source::subject);
      add("X-Forwarded-Email", Source::email);
      add("X-Forwarded-Preferred-Username", Source::preferred_username);
      add("X-Forwarded-Groups", Source::groups);
      break;
    case config::IdentityHeaders::pomerium:
      add("X-Pomerium-Claim-Sub", Source::subject);
      add("X-Pomerium-Claim-Email", Source::email);
      add("X-Pomerium-Claim-Name", Source::name);
      add("X-Pomerium-Claim-Groups", Source::groups);
      if (access.assertion) add("X-Pomerium-Jwt-Assertion", Source::assertion);
      break;
    case config::IdentityHeaders::iap:
      add("X-Goog-Authenticated-User-Id", Source::subject, "accounts.google.com:");
      add("X-Goog-Authenticated-User-Email", Source::email, "accounts.google.com:");
      if (access.assertion) add("X-Goog-Iap-Jwt-Assertion", Source::assertion);
      break;
    case config::IdentityHeaders::alb:
      add("X-Amzn-Oidc-Identity", Source::subject);
      if (access.assertion) add("X-Amzn-Oidc-Data", Source::assertion);
      break;
  }
  for (const auto& [name, claim] : access.claim_headers) headers.push_back({name, Source::claim, claim});
  if (access.assertion) add("X-Postern-Assertion", Source::assertion);
  return headers;
}

bool add_identity_headers(RequestContext& rc, std::span<const IdentityHeader> headers,
                          std::string_view assertion) noexcept {
  http::Fields& fields = rc.request().fields;
  for (const IdentityHeader& header : headers) {
    std::string_view value;
    if (header.source == Source::assertion) {
      value = assertion;
    } else if (header.source == Source::claim) {
      value = claim_text(rc, header.claim);
    } else {
      value = text_of(*rc.principal, header.source);
    }
    if (value.empty()) continue;
    if (!header.before.empty()) {
      Joiner joiner(rc);
      joiner.add(header.before);
      joiner.add(value);
      value = joiner.text();
      if (value.empty()) return false;
    }
    if (!fields.set(header.name, value)) return false;
  }
  return true;
}

}  // namespace postern::proxy
