#include "identity/api_key_file.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <set>

#include "base/escape.h"
#include "identity/api_key.h"

namespace postern::identity {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kDepth = 4;  // object, list, and what is wrong in it
constexpr std::size_t kMostText = 256;
constexpr std::size_t kMostLine = std::size_t{1} << 20;
constexpr std::int64_t kMostTime = 253'402'300'799;  // the last second of the year 9999

std::string read_text(const dom::element& value, std::string& out) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return "must be a string";
  out = text;
  return is_api_key_text(text) ? "" : fmt::format("must have 1 to {} bytes and no control characters", kMostText);
}

std::string read_texts(const dom::element& value, std::vector<std::string>& out) {
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS) return "must be a list";
  for (const dom::element& element : list) {
    if (out.size() == kMostApiKeyTexts) return fmt::format("more than {}", kMostApiKeyTexts);
    std::string wrong = read_text(element, out.emplace_back());
    if (!wrong.empty()) return wrong;
  }
  return {};
}

std::string read_time(const dom::element& value, std::int64_t& out) {
  const bool good = value.get(out) == simdjson::SUCCESS && out > 0 && out <= kMostTime;
  return good ? "" : "must be a time, in seconds since 1970";
}

std::string read_kid(const dom::element& value, std::string& out) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS || !is_api_key_kid(text)) return "is not the id of a key";
  out = text;
  return {};
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string read_digest(const dom::element& value, crypto::Sha256& out) {
  constexpr const char* kWrong = "must be a SHA-256 in 64 small hexadecimal digits";
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS || text.size() != 2 * out.size()) return kWrong;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return kWrong;
    out[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return {};
}

/// What is wrong with one member; empty: nothing.
std::string read_member(std::string_view key, const dom::element& value, ApiKeyRecord& out) {
  if (key == "kid") return read_kid(value, out.kid);
  if (key == "sha256") return read_digest(value, out.digest);
  if (key == "name") return read_text(value, out.name);
  if (key == "subject") return read_text(value, out.subject);
  if (key == "scopes") return read_texts(value, out.scopes);
  if (key == "groups") return read_texts(value, out.groups);
  if (key == "roles") return read_texts(value, out.roles);
  if (key == "created") return read_time(value, out.created);
  if (key == "expires") return read_time(value, out.expires);
  if (key == "revoked") return read_time(value, out.revoked);
  return "unknown";
}

std::string read_line(dom::parser& parser, std::string_view line, ApiKeyRecord& out) {
  if (line.size() > kMostLine) return "longer than 1 MiB";
  dom::element root;
  if (const auto error = parser.parse(simdjson::padded_string(line)).get(root); error != simdjson::SUCCESS)
    return simdjson::error_message(error);
  dom::object members;
  if (root.get(members) != simdjson::SUCCESS) return "must be an object";
  std::set<std::string_view> seen;
  for (const dom::key_value_pair& member : members) {
    std::string wrong = seen.insert(member.key).second ? read_member(member.key, member.value, out) : "stands twice";
    if (!wrong.empty()) return fmt::format("{}: {}", member.key.substr(0, 40), wrong);
  }
  for (const std::string_view needed : {"kid", "sha256", "name", "subject", "created", "expires"}) {
    if (!seen.contains(needed)) return fmt::format("{}: missing", needed);
  }
  return {};
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out += fmt::format(", \"{}\": ", name);
  append_json_quoted(out, value);
}

void append_member(std::string& out, std::string_view name, const std::vector<std::string>& values) {
  if (values.empty()) return;
  out += fmt::format(", \"{}\": [", name);
  for (const std::string& value : values) {
    if (&value != &values.front()) out += ", ";
    append_json_quoted(out, value);
  }
  out += ']';
}

}  // namespace

bool is_api_key_text(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kMostText &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

ApiKeyFile parse_api_key_file(std::string_view text) {
  if (text.size() > kMostApiKeyFile) return {.error = "larger than 16 MiB", .records = {}};
  ApiKeyFile out;
  dom::parser parser(kMostLine + 64);
  if (parser.allocate(4096, kDepth) != simdjson::SUCCESS) return {.error = "out of memory", .records = {}};
  std::set<std::string> kids;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    ApiKeyRecord record;
    std::string wrong = read_line(parser, line, record);
    if (wrong.empty() && !kids.insert(record.kid).second) wrong = "kid: stands twice in the file";
    if (!wrong.empty()) return {.error = fmt::format("line {}: {}", number, wrong), .records = {}};
    out.records.push_back(std::move(record));
  }
  return out;
}

std::string api_key_line(const ApiKeyRecord& record) {
  std::string out = fmt::format("{{\"kid\": \"{}\", \"sha256\": \"", record.kid);
  for (const unsigned char byte : record.digest) out += fmt::format("{:02x}", byte);
  out += '"';
  append_member(out, "name", record.name);
  append_member(out, "subject", record.subject);
  append_member(out, "scopes", record.scopes);
  append_member(out, "groups", record.groups);
  append_member(out, "roles", record.roles);
  out += fmt::format(", \"created\": {}, \"expires\": {}", record.created, record.expires);
  if (record.revoked != 0) out += fmt::format(", \"revoked\": {}", record.revoked);
  return out + "}\n";
}

}  // namespace postern::identity
