// Finds one cookie among those a client sent. A pure function; bounded by the head's own limits.
#pragma once

#include <string_view>

#include "http/fields.h"

namespace postern::http {

/// The first one of that name (case counts), from any Cookie field: HTTP/2 clients send several (RFC 9113 8.2.3).
/// Quotes around the value are left off. A null pointer where there is none.
std::string_view find_cookie(const Fields& fields, std::string_view name) noexcept;

}  // namespace postern::http
