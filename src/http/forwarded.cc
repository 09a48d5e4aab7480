// Reading address chains from the right, and writing our own element. One core.
#include "http/forwarded.h"

#include "http/list.h"

namespace postern::http {
namespace {

// The addresses of one line in order, the last kMax of them: older ones are further away than anyone trusts.
struct Line {
  std::array<Address, ForwardedChain::kMax> items;  // size 0: no address
  std::size_t count = 0;

  void add(const std::optional<Address>& address) noexcept {
    items[count % items.size()] = address.value_or(Address{});
    ++count;
  }
};

std::string_view unquote(std::string_view text) noexcept {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

/// The for= parameter of one Forwarded element; nothing for "unknown", "_hidden", two for=, or no address.
std::optional<Address> address_of(std::string_view element) noexcept {
  std::optional<Address> address;
  unsigned seen = 0;
  for_each_element(element, ';', [&](std::string_view pair) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || !iequals(pair.substr(0, equals), "for")) return;
    ++seen;
    address = parse_ip_port(unquote(pair.substr(equals + 1)));
  });
  if (seen != 1) return std::nullopt;
  return address;
}

char* put(char* out, std::string_view text) noexcept {
  for (const char c : text) *out++ = c;
  return out;
}

char* put_quoted(char* out, std::string_view text) noexcept {
  *out++ = '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') *out++ = '\\';
    *out++ = c;
  }
  *out++ = '"';
  return out;
}

}  // namespace

void read_forwarded_chain(const Fields& fields, ForwardedSource source, ForwardedChain& out) noexcept {
  out.size = 0;
  const FieldId wanted = source == ForwardedSource::forwarded ? FieldId::forwarded : FieldId::x_forwarded_for;
  for (std::size_t i = fields.size(); i-- > 0;) {
    if (fields.id(i) != wanted) continue;
    Line line;
    for_each_element(fields[i].value, ',', [&](std::string_view element) {
      line.add(source == ForwardedSource::forwarded ? address_of(element) : parse_ip_port(unquote(element)));
    });
    const std::size_t held = line.count < ForwardedChain::kMax ? line.count : ForwardedChain::kMax;
    for (std::size_t k = 0; k < held; ++k) {
      const Address& address = line.items[(line.count - 1 - k) % ForwardedChain::kMax];
      if (!address.is_known() || out.size == ForwardedChain::kMax) return;
      out.hops[out.size++] = unmapped(address);
    }
  }
}

char* write_forwarded(char* out, const Address& client, std::string_view host, Scheme scheme) noexcept {
  if (client.size == 16) {
    out = put(out, "for=\"[");
    out = write_ip(out, client);
    out = put(out, "]\"");
  } else if (client.size == 4) {
    out = put(out, "for=");
    out = write_ip(out, client);
  } else {
    out = put(out, "for=unknown");
  }
  if (!host.empty()) {
    out = put(out, ";host=");
    out = put_quoted(out, host);
  }
  return put(out, scheme == Scheme::https ? ";proto=https" : ";proto=http");
}

}  // namespace postern::http
