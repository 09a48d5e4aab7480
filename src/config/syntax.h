// The syntax of single config values: addresses, networks, header names, host patterns... Pure functions, any thread.
// The schema names them as checks; net, server and route use parse_address and is_token as well.
// Checks return what is wrong, or nothing; they never repeat the value (it may be a secret).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace postern::config {

struct Address {
  bool is_unix = false;
  std::string host;  // IP literal without brackets, or a host name
  std::uint16_t port = 0;
  std::string path;  // unix
};

/// "host:port", "[v6]:port" or "unix:/path"; host names are allowed, port 0 as well.
std::optional<Address> parse_address(std::string_view text);

bool is_ip(std::string_view host);
/// RFC 9110 5.6.2.
bool is_token(std::string_view text);
/// Letters, digits and inner hyphens in dot-separated labels; underscores too, as service names have them.
bool is_host_name(std::string_view text);

/// "200", or a range "200-299": its ends.
std::optional<std::pair<std::uint16_t, std::uint16_t>> parse_status_range(std::string_view text);

std::string check_name(std::string_view text);
std::string check_bind_address(std::string_view text);           // IP literal or unix
std::string check_optional_bind_address(std::string_view text);  // the same, or empty
std::string check_endpoint(std::string_view text);               // host name allowed, port 1..65535
std::string check_network(std::string_view text);                // CIDR, IP, or "unix"
std::string check_mode(std::string_view text);                   // "0660"
std::string check_host_pattern(std::string_view text);           // "api.example.com", "*.example.com", IP literal
std::string check_server_name(std::string_view text);            // empty, or a host name for SNI
std::string check_method(std::string_view text);
std::string check_header_name(std::string_view text);
std::string check_header_value(std::string_view text);
/// A name that an operator may set, add, remove or let through as a trailer: not framing, not hop-by-hop, not Host.
std::string check_editable_header(std::string_view text);
std::string check_redirect_status(std::string_view text);
std::string check_path(std::string_view text);      // a route's path pattern
std::string check_prefix(std::string_view text);    // strip_prefix
std::string check_rewrite(std::string_view text);   // rewrite
std::string check_redirect(std::string_view text);  // redirect

}  // namespace postern::config
