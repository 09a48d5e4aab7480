// Civil dates from days and back (proleptic Gregorian), and the three spellings of HTTP. Any thread.
#include "http/date.h"

#include <algorithm>
#include <cstring>

namespace postern::http {
namespace {

constexpr char kDays[] = "SunMonTueWedThuFriSat";
constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::int64_t kMin = -62135596800;  // 0001-01-01
constexpr std::int64_t kMax = 253402300799;  // 9999-12-31T23:59:59

struct Civil {
  int year;
  int month;  // 1..12
  int day;
};

// Years that begin in March put the leap day last: one formula for all months.
std::int64_t days_from_civil(const Civil& date) noexcept {
  const int year = date.month <= 2 ? date.year - 1 : date.year;
  const int era = year / 400;  // years are positive here
  const int year_of_era = year - era * 400;
  const int shifted = date.month > 2 ? date.month - 3 : date.month + 9;
  const int day_of_year = (153 * shifted + 2) / 5 + date.day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return std::int64_t{era} * 146097 + day_of_era - 719468;
}

Civil civil_from_days(std::int64_t days) noexcept {
  const std::int64_t shifted = days + 719468;
  const auto era = static_cast<int>(shifted / 146097);
  const auto day_of_era = static_cast<int>(shifted - std::int64_t{era} * 146097);
  const int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int from_march = (5 * day_of_year + 2) / 153;
  const int month = from_march < 10 ? from_march + 3 : from_march - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day_of_year - (153 * from_march + 2) / 5 + 1};
}

void put2(char* out, int value) noexcept {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

// Reads a fixed text piece by piece; the first mismatch spoils all.
struct Reader {
  std::string_view rest;
  bool ok = true;

  void literal(std::string_view text) noexcept {
    ok = ok && rest.starts_with(text);
    if (ok) rest.remove_prefix(text.size());
  }
  int number(std::size_t digits, bool blank_padded = false) noexcept {
    int value = 0;
    for (std::size_t i = 0; i < digits && ok; ++i) {
      const char c = rest.empty() ? '\0' : rest.front();
      if (blank_padded && i == 0 && c == ' ') {
        rest.remove_prefix(1);
        continue;
      }
      ok = c >= '0' && c <= '9';
      if (ok) rest.remove_prefix(1);
      value = value * 10 + (c - '0');
    }
    return value;
  }
  int name(const char* table, int count) noexcept {
    for (int i = 0; i < count && ok; ++i) {
      if (rest.substr(0, 3) == std::string_view(table + 3 * i, 3)) {
        rest.remove_prefix(3);
        return i;
      }
    }
    ok = false;
    return 0;
  }
  int time() noexcept {
    const int hour = number(2);
    literal(":");
    const int minute = number(2);
    literal(":");
    const int second = number(2);
    ok = ok && hour < 24 && minute < 60 && second <= 60;
    return hour * 3600 + minute * 60 + std::min(second, 59);
  }
};

bool is_day_of_month(const Civil& date) noexcept {
  constexpr int kLengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
  const int length = kLengths[date.month - 1] + (date.month == 2 && leap ? 1 : 0);
  return date.year >= 1 && date.day >= 1 && date.day <= length;
}

std::optional<std::int64_t> combine(const Reader& reader, const Civil& date, int seconds) noexcept {
  if (!reader.ok || !reader.rest.empty() || !is_day_of_month(date)) return std::nullopt;
  return days_from_civil(date) * 86400 + seconds;
}

// Sun Nov  6 08:49:37 1994
std::optional<std::int64_t> parse_asctime(Reader reader) noexcept {
  reader.literal(" ");
  Civil date{};
  date.month = reader.name(kMonths, 12) + 1;
  reader.literal(" ");
  date.day = reader.number(2, true);
  reader.literal(" ");
  const int seconds = reader.time();
  reader.literal(" ");
  date.year = reader.number(4);
  return combine(reader, date, seconds);
}

// Sunday, 06-Nov-94 08:49:37 GMT
std::optional<std::int64_t> parse_rfc850(Reader reader, int weekday) noexcept {
  constexpr std::string_view kEndings[] = {"day", "day", "sday", "nesday", "rsday", "day", "urday"};
  reader.literal(kEndings[weekday]);
  reader.literal(", ");
  Civil date{};
  date.day = reader.number(2);
  reader.literal("-");
  date.month = reader.name(kMonths, 12) + 1;
  reader.literal("-");
  const int year = reader.number(2);
  date.year = year + (year < 70 ? 2000 : 1900);
  reader.literal(" ");
  const int seconds = reader.time();
  reader.literal(" GMT");
  return combine(reader, date, seconds);
}

}  // namespace

void write_date(char* out, std::int64_t unix_seconds) noexcept {
  const std::int64_t clamped = std::clamp(unix_seconds, kMin, kMax);
  std::int64_t days = clamped / 86400;
  auto second = static_cast<int>(clamped % 86400);
  if (second < 0) {
    second += 86400;
    --days;
  }
  const auto weekday = static_cast<std::size_t>(((days + 4) % 7 + 7) % 7);
  const Civil date = civil_from_days(days);
  std::memcpy(out, "Sun, 00 Jan 0000 00:00:00 GMT", kDateSize);
  std::memcpy(out, kDays + 3 * weekday, 3);
  put2(out + 5, date.day);
  std::memcpy(out + 8, kMonths + 3 * (date.month - 1), 3);
  put2(out + 12, date.year / 100);
  put2(out + 14, date.year % 100);
  put2(out + 17, second / 3600);
  put2(out + 20, second / 60 % 60);
  put2(out + 23, second % 60);
}

std::optional<std::int64_t> parse_date(std::string_view text) noexcept {
  Reader reader{text};
  const int weekday = reader.name(kDays, 7);
  if (!reader.ok || reader.rest.empty()) return std::nullopt;
  if (reader.rest.front() == ' ') return parse_asctime(reader);
  if (reader.rest.front() != ',') return parse_rfc850(reader, weekday);
  reader.literal(", ");
  Civil date{};
  date.day = reader.number(2);
  reader.literal(" ");
  date.month = reader.name(kMonths, 12) + 1;
  reader.literal(" ");
  date.year = reader.number(4);
  reader.literal(" ");
  const int seconds = reader.time();
  reader.literal(" GMT");
  return combine(reader, date, seconds);
}

}  // namespace postern::http
