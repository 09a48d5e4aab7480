// Reason phrases of the registered status codes, as postern spells them. Any thread.
#pragma once

#include <string_view>

namespace postern::http {

/// "Not Found" for 404; empty for codes that nobody registered.
std::string_view reason_phrase(unsigned status) noexcept;

}  // namespace postern::http
