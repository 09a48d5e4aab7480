#include "identity/presented.h"

#include "base/base64url.h"
#include "http/scan.h"

namespace postern::identity {

namespace {

constexpr std::string_view kApiKeyHeader = "X-API-Key";
constexpr std::string_view kSageMakerHeader = "X-Amzn-SageMaker-Custom-Attributes";
constexpr std::string_view kDpopHeader = "DPoP";

constexpr bool is_token68(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~' || c == '+' || c == '/';
}

/// RFC 9110 11.2: what may stand behind a scheme. Never empty.
bool is_token68(std::string_view text) noexcept {
  while (text.ends_with('=')) text.remove_suffix(1);
  const char* end = text.data() + text.size();
  return !text.empty() && http::scan::find_token68_end(text.data(), end, text.data()) == end;
}

/// "Scheme text", one space between: the text. A null pointer: another scheme; empty: it breaks the grammar.
std::string_view after_scheme(std::string_view value, std::string_view scheme) noexcept {
  if (value.size() < scheme.size() || !http::iequals(value.substr(0, scheme.size()), scheme)) return {};
  const std::string_view rest = value.substr(scheme.size());
  if (!rest.empty() && is_token68(rest.front())) return {};  // a longer name
  if (rest.size() < 2 || rest.front() != ' ' || !is_token68(rest.substr(1))) return value.substr(0, 0);
  return rest.substr(1);
}

/// Base64 with its padding (RFC 7617), as base64url without.
std::string_view decode_basic(std::string_view text, std::span<char> scratch) noexcept {
  if (text.size() % 4 != 0 || text.size() > scratch.size() / 2) return {};
  const std::span<char> copy = scratch.subspan(scratch.size() / 2);
  std::size_t size = text.size();
  while (size > 0 && text.size() - size < 2 && text[size - 1] == '=') --size;
  for (std::size_t i = 0; i < size; ++i) {
    const char c = text[i];
    if (c == '-' || c == '_') return {};
    copy[i] = c == '+' ? '-' : c == '/' ? '_' : c;
  }
  if (!decode_base64url({copy.data(), size}, scratch.data())) return {};
  return {scratch.data(), base64url_decoded_size(size)};
}

/// Collects what is shown; a second one spoils it.
class Finder {
 public:
  Finder(const CarrierRules& rules, std::span<char> scratch) noexcept : rules_(rules), scratch_(scratch) {}

  void look_at(const http::Field& field) noexcept {
    if (field.id == http::FieldId::authorization) return authorization(field.value);
    if (field.id != http::FieldId::other) return;
    if (field.name.size() == kDpopHeader.size() && http::iequals(field.name, kDpopHeader)) return proof(field.value);
    if (rules_.api_keys && http::iequals(field.name, kApiKeyHeader))
      return show(Carrier::api_key_header, is_token68(field.value) ? field.value : std::string_view());
    if (!rules_.token_header.empty() && http::iequals(field.name, rules_.token_header))
      return bare_or_bearer(Carrier::token_header, field.value);
    if (rules_.sagemaker && http::iequals(field.name, kSageMakerHeader)) sagemaker(field.value);
  }

  /// RFC 6750 2.3 is not served; beside another way it makes two of them.
  void look_at_query(std::string_view query) noexcept {
    if (found_.shown == Shown::nothing || query.empty()) return;
    if (query.find("?access_token=") == 0 || query.find("&access_token=") != std::string_view::npos)
      found_.shown = Shown::several;
  }

  [[nodiscard]] const Presented& found() const noexcept { return found_; }

 private:
  void authorization(std::string_view value) noexcept {
    if (seen_authorization_) {
      found_.shown = Shown::several;
      return;
    }
    seen_authorization_ = true;
    if (const std::string_view text = after_scheme(value, "Bearer"); text.data()) return show(Carrier::bearer, text);
    if (const std::string_view text = after_scheme(value, "DPoP"); text.data()) return show(Carrier::dpop, text);
    if (!rules_.basic) return;
    const std::string_view text = after_scheme(value, "Basic");
    if (!text.data()) return;
    const std::string_view pair = text.empty() ? std::string_view() : decode_basic(text, scratch_);
    const std::size_t colon = pair.find(':');
    const std::string_view password = colon == std::string_view::npos ? std::string_view() : pair.substr(colon + 1);
    show(Carrier::basic, is_token68(password) ? password : std::string_view());
  }

  void bare_or_bearer(Carrier carrier, std::string_view value) noexcept {
    const std::string_view text = after_scheme(value, "Bearer");
    if (text.data()) return show(carrier, text);
    show(carrier, is_token68(value) ? value : std::string_view());
  }

  /// The application's own attributes pass; only "Bearer TOKEN" is ours.
  void sagemaker(std::string_view value) noexcept {
    const std::string_view text = after_scheme(value, "Bearer");
    if (text.data()) show(Carrier::sagemaker, text);
  }

  void proof(std::string_view value) noexcept {
    if (found_.proof.data()) found_.shown = Shown::several;
    found_.proof = value;
  }

  void show(Carrier carrier, std::string_view text) noexcept {
    if (found_.shown == Shown::nothing) {
      found_.shown = text.empty() ? Shown::broken : Shown::credential;
      found_.carrier = carrier;
      found_.text = text;
    } else {
      found_.shown = Shown::several;
    }
  }

  const CarrierRules& rules_;
  const std::span<char> scratch_;
  Presented found_;
  bool seen_authorization_ = false;
};

}  // namespace

bool needs_scratch(const http::RequestHead& head, const CarrierRules& rules) noexcept {
  return rules.basic && after_scheme(head.fields.find(http::FieldId::authorization), "Basic").data();
}

Presented find_presented(const http::RequestHead& head, const CarrierRules& rules, std::span<char> scratch) noexcept {
  Finder finder(rules, scratch);
  for (std::size_t i = 0; i < head.fields.size(); ++i) {
    const http::Field field = head.fields[i];
    if (field.id == http::FieldId::other || field.id == http::FieldId::authorization) finder.look_at(field);
  }
  finder.look_at_query(head.query);
  return finder.found();
}

void remove_presented(http::Fields& fields, const Presented& presented, const CarrierRules& rules) noexcept {
  switch (presented.carrier) {
    case Carrier::none:
      return;
    case Carrier::bearer:
    case Carrier::basic:
      fields.remove(http::FieldId::authorization);
      return;
    case Carrier::dpop:
      fields.remove(http::FieldId::authorization);
      fields.remove(kDpopHeader);
      return;
    case Carrier::api_key_header:
      fields.remove(kApiKeyHeader);
      return;
    case Carrier::token_header:
      fields.remove(rules.token_header);
      return;
    case Carrier::sagemaker:
      fields.remove(kSageMakerHeader);
      return;
  }
}

}  // namespace postern::identity
