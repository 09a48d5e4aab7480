#include "cli/apikey_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <ostream>
#include <string_view>

#include "config/units.h"
#include "crypto/pem_file.h"
#include "identity/api_key.h"
#include "identity/api_key_store.h"

namespace postern::cli {
namespace {

using identity::ApiKeyRecord;
using Records = std::vector<ApiKeyRecord>;

std::string date(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

std::string_view state_of(const ApiKeyRecord& record, std::int64_t now) {
  if (record.revoked != 0) return "revoked";
  return now >= record.expires ? "expired" : "good";
}

int fail(std::string_view why, std::ostream& err) {
  err << "apikey: " << why << "\n";
  return 1;
}

std::optional<Records> read(const std::string& path, std::ostream& err) {
  const crypto::Loaded<std::string> text = crypto::read_small_file("API key file", path);
  identity::ApiKeyFile file;
  if (text) file = identity::parse_api_key_file(*text.value);
  const std::string error = !text                ? text.error
                            : file.error.empty() ? std::string()
                                                 : "API key file " + path + ": " + file.error;
  if (error.empty()) return std::move(file.records);
  fail(error, err);
  return std::nullopt;
}

std::string not_there(const std::string& kid) { return "no key " + kid + " in the file"; }

std::string joined(const std::vector<std::string>& texts) { return fmt::format("{}", fmt::join(texts, " ")); }

/// What is wrong with a wish; empty: nothing.
std::string complaint(const ApiKeyRequest& request) {
  const auto bad = [](const std::string& text) { return !identity::is_api_key_text(text); };
  if (bad(request.name)) return "--name must be a text of 1 to 256 bytes";
  if (bad(request.subject)) return "--subject must be a text of 1 to 256 bytes";
  for (const auto* texts : {&request.scopes, &request.groups, &request.roles}) {
    if (std::ranges::any_of(*texts, bad)) return "scopes, groups and roles must be texts of 1 to 256 bytes";
    if (texts->size() > identity::kMostApiKeyTexts) return "too many scopes, groups or roles";
  }
  return {};
}

}  // namespace

int apikey_create(const ApiKeyRequest& request, std::int64_t now, std::ostream& out, std::ostream& err) {
  const std::optional<std::uint64_t> life = config::parse_duration(request.expires);
  if (!life || *life < 1000 || *life > 36500ull * 86'400'000) return fail("--expires must be like \"90d\"", err);
  if (const std::string wrong = complaint(request); !wrong.empty()) return fail(wrong, err);
  const std::optional<identity::NewApiKey> key = identity::make_api_key();
  ApiKeyRecord record{.kid = key ? key->kid : "",
                      .name = request.name,
                      .subject = request.subject,
                      .scopes = request.scopes,
                      .groups = request.groups,
                      .roles = request.roles,
                      .created = now,
                      .expires = now + static_cast<std::int64_t>(*life / 1000)};
  if (!key || !crypto::sha256(key->text.reveal(), record.digest)) return fail("the system has no randomness", err);
  const std::string error = identity::change_api_keys(request.file, true, [&record](Records& records) {
    if (std::ranges::find(records, record.kid, &ApiKeyRecord::kid) != records.end())
      return std::string("the new key's id is taken, try again");
    records.push_back(record);
    return std::string();
  });
  if (!error.empty()) return fail(error, err);
  out << key->text.reveal() << "\n";
  err << "made key " << record.kid << " for " << record.subject << ", good until " << date(record.expires)
      << ". It is shown only this once.\n";
  return 0;
}

int apikey_list(const ApiKeyRequest& request, std::int64_t now, std::ostream& out, std::ostream& err) {
  const std::optional<Records> records = read(request.file, err);
  if (!records) return 1;
  out << fmt::format("{:<14}{:<9}{:<22}{:<24}{}\n", "KID", "STATE", "EXPIRES", "SUBJECT", "NAME");
  for (const ApiKeyRecord& record : *records) {
    out << fmt::format("{:<14}{:<9}{:<22}{:<24}{}\n", record.kid, state_of(record, now), date(record.expires),
                       record.subject, record.name);
  }
  return 0;
}

int apikey_show(const ApiKeyRequest& request, std::int64_t now, std::ostream& out, std::ostream& err) {
  const std::optional<Records> records = read(request.file, err);
  if (!records) return 1;
  const auto at = std::ranges::find(*records, request.kid, &ApiKeyRecord::kid);
  if (at == records->end()) return fail(not_there(request.kid), err);
  const auto line = [&out](std::string_view name, std::string_view value) {
    if (!value.empty()) out << fmt::format("{:<9}{}\n", name, value);
  };
  line("kid", at->kid);
  line("state", state_of(*at, now));
  line("name", at->name);
  line("subject", at->subject);
  line("scopes", joined(at->scopes));
  line("groups", joined(at->groups));
  line("roles", joined(at->roles));
  line("created", date(at->created));
  line("expires", date(at->expires));
  if (at->revoked != 0) line("revoked", date(at->revoked));
  return 0;
}

int apikey_revoke(const ApiKeyRequest& request, std::int64_t now, std::ostream& out, std::ostream& err) {
  const std::string error = identity::change_api_keys(request.file, false, [&](Records& records) {
    const auto at = std::ranges::find(records, request.kid, &ApiKeyRecord::kid);
    if (at == records.end()) return not_there(request.kid);
    if (at->revoked == 0) at->revoked = now;
    return std::string();
  });
  if (!error.empty()) return fail(error, err);
  out << "revoked " << request.kid << "\n";
  return 0;
}

}  // namespace postern::cli
