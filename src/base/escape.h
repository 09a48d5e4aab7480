// Escaping of text that may hold anything, for lines that people and programs read.
// Appends only; never emits a control byte, CR, LF, ESC or invalid UTF-8, whatever comes in (append_utf8: control bytes
// pass). Any thread.
#pragma once

#include <string>
#include <string_view>

namespace postern {

/// The inside of a JSON string. Invalid UTF-8 becomes U+FFFD; C1 controls, line separators and bidirectional
/// overrides are escaped too, as terminals and viewers act on them.
void append_json(std::string& out, std::string_view text);

/// The same with quotes around.
void append_json_quoted(std::string& out, std::string_view text);

/// The text itself, with U+FFFD for what is not UTF-8: for formats that insist on it (protobuf's strings).
void append_utf8(std::string& out, std::string_view text);

/// As Common Log Format readers expect: a byte that is a control, a quote, a backslash or above 0x7E becomes \xHH.
void append_hex_escaped(std::string& out, std::string_view text);

}  // namespace postern
