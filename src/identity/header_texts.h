// What headers may say of a principal: its texts in a form that cannot break out of a field or an element of a list.
// Made once, when a principal is made. Pure.
#pragma once

#include <string>
#include <string_view>

#include "postern/principal.h"

namespace postern::identity {

/// Printable ASCII as it is; everything else, "%" and (in an element) "," percent-encoded, so that it can be undone.
void append_header_text(std::string& out, std::string_view text, bool element);

/// Fills `who.header`.
void write_header_texts(Principal& who);

}  // namespace postern::identity
