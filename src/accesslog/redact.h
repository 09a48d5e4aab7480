// Takes secrets out of URIs before they are logged: values of query keys that carry credentials, and user:password@.
// Writer thread.
#pragma once

#include <string>
#include <string_view>

namespace postern::accesslog {

/// True for access_token, code, sig and their like; case does not matter, percent-encoded letters are seen through.
bool is_secret_key(std::string_view key) noexcept;

/// Appends `uri` to `out` with secret values replaced by "***". Nothing else changes.
void append_redacted(std::string& out, std::string_view uri);

}  // namespace postern::accesslog
