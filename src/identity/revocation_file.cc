#include "identity/revocation_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>

#include "base/escape.h"
#include "crypto/pem_file.h"
#include "identity/kept_file.h"
#include "identity/strict_json.h"

namespace postern::identity {
namespace {

constexpr const char* kRole = "revocations file";
constexpr std::size_t kMostLine = 16'384;
constexpr JsonLimits kLimits{.depth = 2, .values = 16};

std::string read_line(StrictJson& json, std::string_view line, Revocation& out) {
  if (line.size() > kMostLine) return "too long";
  if (const std::string_view wrong = json.parse_object(line, kLimits); !wrong.empty()) return std::string(wrong);
  std::string_view issuer, kind, value;
  const bool has_texts = find_text(json.root(), "issuer", issuer) == Member::good &&
                         find_text(json.root(), "kind", kind) == Member::good &&
                         find_text(json.root(), "value", value) != Member::wrong;
  const bool has_times = find_time(json.root(), "not_before", out.not_before) == Member::good &&
                         find_time(json.root(), "until", out.until) == Member::good;
  const std::optional<RevokedKind> known = parse_revoked_kind(kind);
  if (!has_texts || !has_times || !known || issuer.empty() || value.empty() != (*known == RevokedKind::all))
    return "is no revocation";
  out.issuer = issuer;
  out.kind = *known;
  out.value = value;
  return {};
}

}  // namespace

std::string revocation_line(const Revocation& revocation) {
  std::string out = "{\"issuer\": ";
  append_json_quoted(out, revocation.issuer);
  out += fmt::format(", \"kind\": \"{}\"", to_string(revocation.kind));
  if (!revocation.value.empty()) {
    out += ", \"value\": ";
    append_json_quoted(out, revocation.value);
  }
  return out + fmt::format(", \"not_before\": {}, \"until\": {}}}\n", revocation.not_before, revocation.until);
}

crypto::Loaded<std::vector<Revocation>> parse_revocations(std::string_view text) {
  using Loaded = crypto::Loaded<std::vector<Revocation>>;
  std::vector<Revocation> out;
  StrictJson json;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (const std::string wrong = read_line(json, line, out.emplace_back()); !wrong.empty())
      return Loaded::failed(fmt::format("line {}: {}", number, wrong));
  }
  return Loaded::ok(std::move(out));
}

std::string RevocationFile::refresh(RevocationBus& bus, std::int64_t now) {
  const Stamp found = stamp();  // before reading: what changes meanwhile is seen the next time
  if (found == read_) return {};
  crypto::Loaded<std::string> text = crypto::Loaded<std::string>::ok({});
  if (found.size >= 0) text = crypto::read_small_file(kRole, path_);
  if (!text) return text.error;
  const crypto::Loaded<std::vector<Revocation>> lines = parse_revocations(*text.value);
  if (!lines) return fmt::format("{} {}: {}", kRole, path_, lines.error);
  std::set<Revocation> known(lines.value->begin(), lines.value->end());
  for (const Revocation& one : *lines.value) {
    if (!known_.contains(one)) bus.add(one, now);
  }
  known_ = std::move(known);
  read_ = found;
  return {};
}

std::string RevocationFile::add(RevocationBus& bus, const Revocation& revocation, std::int64_t now) {
  std::string wrong = change_kept_file(kRole, path_, IfMissing::begin_empty, [&](std::string& text) -> std::string {
    const crypto::Loaded<std::vector<Revocation>> lines = parse_revocations(text);
    if (!lines) return fmt::format("{} {}: {}", kRole, path_, lines.error);
    text.clear();
    for (const Revocation& line : *lines.value) {
      if (line.until > now) text += revocation_line(line);
    }
    text += revocation_line(revocation);
    return {};
  });
  if (wrong.empty()) wrong = refresh(bus, now);
  if (!wrong.empty()) bus.add(revocation, now);
  return wrong;
}

RevocationFile::Stamp RevocationFile::stamp() const noexcept {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) return {};
  return {.inode = info.st_ino,
          .size = info.st_size,
          .changed_ns = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
}

}  // namespace postern::identity
