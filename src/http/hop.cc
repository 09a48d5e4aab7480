// Stripping hop-by-hop fields from what was received. One core.
#include "http/hop.h"

#include "http/list.h"

namespace postern::http {
namespace {

/// What a peer cannot make us drop by naming it: framing, and what tells who asked (CVE-2024-45410 of another proxy).
constexpr std::uint64_t kProtected = bit(FieldId::host) | bit(FieldId::content_length) | bit(FieldId::forwarded) |
                                     bit(FieldId::x_forwarded_for) | bit(FieldId::x_forwarded_host) |
                                     bit(FieldId::x_forwarded_port) | bit(FieldId::x_forwarded_proto) |
                                     bit(FieldId::x_real_ip) | bit(FieldId::x_request_id);

bool is_protected(const Field& field) noexcept {
  if ((kProtected & bit(field.id)) != 0) return true;
  constexpr std::string_view kPrefix = "x-forwarded-";
  return field.name.size() > kPrefix.size() && iequals(field.name.substr(0, kPrefix.size()), kPrefix);
}

bool is_named(const Field& field, const std::string_view* values, std::size_t count) noexcept {
  bool named = false;
  for (std::size_t i = 0; i < count && !named; ++i) {
    for_each_token(values[i], [&](std::string_view option) { named = named || iequals(option, field.name); });
  }
  return named;
}

bool is_plain_option(std::string_view value) noexcept {
  return value.empty() || iequals(value, "keep-alive") || iequals(value, "close");
}

}  // namespace

void strip_hop_by_hop(Fields& fields) noexcept {
  constexpr std::size_t kMaxLines = 8;
  std::string_view values[kMaxLines];
  std::size_t count = 0;
  bool overflow = false;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields.id(i) != FieldId::connection) continue;
    const std::string_view value = fields[i].value;
    if (is_plain_option(value)) continue;
    if (count < kMaxLines)
      values[count++] = value;
    else
      overflow = true;
  }
  fields.remove_if([&](const Field& field) {
    if ((kHopByHop & bit(field.id)) != 0) return true;
    if (count == 0 || is_protected(field)) return false;
    // So many Connection lines come from nobody honest: what is not known by name goes as well.
    return (overflow && field.id == FieldId::other) || is_named(field, values, count);
  });
}

}  // namespace postern::http
