#include "server/revocations.h"

#include <charconv>
#include <ctime>
#include <map>
#include <string>
#include <utility>

#include "base/escape.h"
#include "base/log.h"

namespace postern::server {

namespace {

constexpr std::int64_t kDefaultLife = 30 * 86'400;
constexpr std::int64_t kLongestLife = 366 * 86'400;
constexpr std::size_t kLongestValue = 1024;

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
  return -1;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

/// Nothing: not name=value pairs, or one of them twice.
std::optional<std::map<std::string, std::string>> pairs_of(std::string_view query) {
  std::map<std::string, std::string> pairs;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    std::optional<std::string> value = decoded(pair.substr(equals + 1));
    if (!value || value->size() > kLongestValue) return std::nullopt;
    if (!pairs.emplace(pair.substr(0, equals), *std::move(value)).second) return std::nullopt;
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return pairs;
}

}  // namespace

void Revocations::serve(admin::Server& admin) {
  // PUT: no page that a browser shows can send it without being asked first, and nobody here would agree.
  admin.add("PUT", "/revocations",
            [this](const admin::Request& request) { return put(request.query, std::time(nullptr)); });
}

admin::Reply Revocations::put(std::string_view query, std::int64_t now) {
  auto pairs = pairs_of(query);
  if (!pairs) return {400, "not a query of names and values\n"};
  const auto kind = identity::parse_revoked_kind((*pairs)["kind"]);
  if (!kind) return {400, "kind is one of session, subject, token, client, all\n"};
  identity::Revocation revocation;
  revocation.issuer = (*pairs)["issuer"];
  revocation.kind = *kind;
  revocation.value = (*pairs)["value"];
  if (!is_issuer_(revocation.issuer)) return {404, "no issuer of this name\n"};
  if (revocation.value.empty() != (*kind == identity::RevokedKind::all))
    return {400, "value is missing, or too much\n"};
  std::string readable;
  append_utf8(readable, revocation.value);
  if (readable != revocation.value) return {400, "value is not UTF-8\n"};
  std::int64_t life = kDefaultLife;
  if (const std::string& text = (*pairs)["for"]; !text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), life);
    if (error != std::errc{} || end != text.data() + text.size() || life < 1 || life > kLongestLife)
      return {400, "for is a number of seconds, up to a year\n"};
  }
  revocation.not_before = now;
  revocation.until = now + life;
  log::info("revoked", {{"issuer", revocation.issuer}, {"kind", (*pairs)["kind"]}, {"value", revocation.value}});
  std::string wrong;
  if (file_)
    wrong = file_->add(bus_, revocation, now);
  else
    bus_.add(std::move(revocation), now);
  post();
  if (wrong.empty()) return {200, "revoked\n"};
  log::error("revoked until this process ends only", {{"why", wrong}});
  return {500, "revoked until this process ends only: " + wrong + "\n"};
}

std::string Revocations::configure(const std::string& path, std::int64_t now) {
  if (path.empty()) {
    file_.reset();
    return {};
  }
  if (file_ && file_->path() == path) return {};
  identity::RevocationFile file(path);
  if (std::string wrong = file.refresh(bus_, now); !wrong.empty()) return wrong;
  file_.emplace(std::move(file));
  complaint_.clear();
  post();
  return {};
}

void Revocations::follow(std::int64_t now) {
  if (!file_) return;
  std::string wrong = file_->refresh(bus_, now);
  if (!wrong.empty() && wrong != complaint_) log::error("revocations are not read", {{"why", wrong}});
  complaint_ = std::move(wrong);
  post();
}

void Revocations::post() {
  if (const identity::RevocationBatch batch = bus_.take()) post_(batch);
}

}  // namespace postern::server
