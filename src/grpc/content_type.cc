#include "grpc/content_type.h"

#include <algorithm>
#include <cstring>

#include "http/field.h"
#include "http/list.h"
#include "http/scan.h"

namespace postern::grpc {

namespace {

constexpr std::string_view kGrpc = "application/grpc";
constexpr std::size_t kMaxSuffix = 32;

bool take_prefix(std::string_view& text, std::string_view prefix) noexcept {
  if (text.size() < prefix.size() || !http::iequals(text.substr(0, prefix.size()), prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool is_suffix(std::string_view text) noexcept {
  return text.size() >= 2 && text.size() <= kMaxSuffix && text.front() == '+' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) { return http::scan::is(c, http::scan::kToken); });
}

}  // namespace

ContentType parse_content_type(std::string_view value) noexcept {
  if (!take_prefix(value, kGrpc)) return {};  // every other request ends here
  Kind kind = Kind::grpc;
  if (take_prefix(value, "-web")) kind = take_prefix(value, "-text") ? Kind::web_text : Kind::web;
  const std::string_view rest = http::trim(value.substr(0, value.find(';')));
  if (rest.empty()) return {kind, {}};
  if (rest.data() != value.data() || !is_suffix(rest)) return {};
  return {kind, rest};
}

Kind answer_kind(Kind kind, std::string_view accept) noexcept {
  if (!is_web(kind)) return kind;
  Kind wanted = Kind::none;
  http::for_each_token(accept, [&](std::string_view type) {
    const Kind one = kind_of(type);
    if (wanted == Kind::none && is_web(one)) wanted = one;
  });
  return wanted == Kind::none ? kind : wanted;
}

std::string_view content_type_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::web:
      return "application/grpc-web+proto";
    case Kind::web_text:
      return "application/grpc-web-text+proto";
    default:
      return kGrpc;
  }
}

std::string_view write_content_type(Kind kind, std::string_view suffix, std::span<char> space) noexcept {
  const std::string_view with_proto = content_type_of(kind);
  if (is_web(kind) && (suffix.empty() || suffix == "+proto")) return with_proto;
  const std::string_view base = with_proto.substr(0, with_proto.find('+'));
  if (suffix.empty() || space.size() < base.size() + suffix.size()) return base;
  std::memcpy(space.data(), base.data(), base.size());
  std::memcpy(space.data() + base.size(), suffix.data(), suffix.size());
  return {space.data(), base.size() + suffix.size()};
}

}  // namespace postern::grpc
