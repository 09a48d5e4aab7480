// Base64url as JSON Web Tokens have it (RFC 7515 section 2): no padding, no line breaks, and the bits that are left
// over at the end are zero, so that each value has exactly one text. Any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postern {

constexpr std::size_t base64url_decoded_size(std::size_t text) noexcept { return text / 4 * 3 + (text % 4 * 3) / 4; }
constexpr std::size_t base64url_encoded_size(std::size_t bytes) noexcept { return (bytes * 4 + 2) / 3; }

/// Writes base64url_decoded_size(text.size()) bytes at `out`. False: not base64url, and `out` holds nothing of use.
bool decode_base64url(std::string_view text, char* out) noexcept;
std::optional<std::string> decode_base64url(std::string_view text);
std::string encode_base64url(std::string_view bytes);

}  // namespace postern
