// Times of day, weekdays and zones as expressions write them. A part of the parser; throws SyntaxError.
#pragma once

#include <cstdint>
#include <vector>

#include "policy/lexer.h"

namespace postern::policy {

/// "08:00", "24:00": minutes.
std::uint16_t parse_time_of_day(const Token& token);
/// "mon", "mon-fri": bits, 0 is Sunday.
std::uint8_t parse_weekdays(const std::vector<Token>& tokens);
/// "UTC", "+01:00": minutes east.
std::int16_t parse_zone(const Token& token);

}  // namespace postern::policy
