// See rotation.h.
#include "accesslog/rotation.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <tuple>

namespace postern::accesslog {
namespace {

constexpr std::uint32_t kMaxCounter = 999'999'999;
constexpr std::time_t kDay = 86'400;

std::string format(const char* pattern, const std::tm& time) {
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), pattern, &time)};
}

std::tm local(std::time_t time) {
  std::tm parts{};
  localtime_r(&time, &parts);
  return parts;
}

/// Takes digits from the front of `text`. No value: there are others, or the number is out of range.
std::optional<std::uint32_t> take_digits(std::string_view& text, std::size_t count, std::uint32_t least,
                                         std::uint32_t most) {
  if (text.size() < count) return std::nullopt;
  std::uint32_t number = 0;
  const char* const end = text.data() + count;
  if (std::from_chars(text.data(), end, number).ptr != end || number < least || number > most) return std::nullopt;
  text.remove_prefix(count);
  return number;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

bool take_stamp(std::string_view& text, std::string& stamp) {
  const std::string_view whole = text;
  if (!take_digits(text, 4, 1970, 9999) || !take(text, '-')) return false;
  if (!take_digits(text, 2, 1, 12) || !take(text, '-')) return false;
  if (!take_digits(text, 2, 1, 31)) return false;
  if (take(text, '-') && !take_digits(text, 2, 0, 23)) return false;
  stamp = whole.substr(0, whole.size() - text.size());
  return true;
}

/// Days since 1970 of a stamp, hours aside.
std::time_t day_number(const std::string& stamp) {
  std::tm day{};
  day.tm_year = std::stoi(stamp.substr(0, 4)) - 1900;
  day.tm_mon = std::stoi(stamp.substr(5, 2)) - 1;
  day.tm_mday = std::stoi(stamp.substr(8, 2));
  return timegm(&day) / kDay;
}

auto key(const ArchiveName& name) { return std::tie(name.stamp, name.counter); }

}  // namespace

Period period_of(config::Rotate every, std::time_t now) {
  std::tm time = local(now);
  if (every == config::Rotate::hourly) {
    // By seconds, not by mktime: the hour that summer time repeats is two hours here.
    const std::time_t into = time.tm_min * 60 + std::min(time.tm_sec, 59);
    return {format("%Y-%m-%d-%H", time), now - into + 3600};
  }
  Period period{format("%Y-%m-%d", time), 0};
  time.tm_mday += 1;
  time.tm_hour = time.tm_min = time.tm_sec = 0;
  time.tm_isdst = -1;
  period.ends = std::max(std::mktime(&time), now + 1);
  return period;
}

std::string ArchiveName::text() const {
  return counter == 0 ? stamp + suffix : stamp + '.' + std::to_string(counter) + suffix;
}

std::optional<ArchiveName> parse_archive_name(std::string_view text) {
  ArchiveName name;
  if (!take_stamp(text, name.stamp)) return std::nullopt;
  if (text.size() > 1 && text[0] == '.' && text[1] >= '1' && text[1] <= '9') {
    text.remove_prefix(1);
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits > 9) return std::nullopt;
    const std::optional<std::uint32_t> counter = take_digits(text, digits, 1, kMaxCounter);
    if (!counter) return std::nullopt;
    name.counter = *counter;
  }
  if (!text.empty() && text != ".gz" && text != ".zst") return std::nullopt;
  name.suffix = text;
  return name;
}

ArchiveName next_archive_name(const std::vector<ArchiveName>& there, const std::string& stamp, bool has_counter) {
  ArchiveName next{stamp, has_counter ? 1U : 0U, ""};
  for (const ArchiveName& name : there) {
    if (name.stamp == stamp) next.counter = std::max(next.counter, name.counter + 1);
  }
  return next;
}

std::vector<ArchiveName> expired(std::vector<ArchiveName> there, const RotationPolicy& policy, std::time_t now) {
  std::ranges::sort(there, [](const auto& a, const auto& b) { return key(a) > key(b); });
  const std::time_t today = day_number(format("%Y-%m-%d", local(now)));
  std::vector<ArchiveName> gone;
  std::size_t position = 0;
  for (std::size_t i = 0; i < there.size(); ++i) {
    if (i == 0 || key(there[i]) != key(there[i - 1])) ++position;
    const bool is_beyond = policy.keep != 0 && position > policy.keep;
    const bool is_old = policy.keep_days != 0 && today - day_number(there[i].stamp) > policy.keep_days;
    if (is_beyond || is_old) gone.push_back(there[i]);
  }
  std::ranges::reverse(gone);
  return gone;
}

std::string_view suffix_of(config::Compress compress) noexcept {
  switch (compress) {
    case config::Compress::gzip:
      return ".gz";
    case config::Compress::zstd:
      return ".zst";
    case config::Compress::none:
      break;
  }
  return "";
}

std::vector<ArchiveName> list_archives(const std::string& path) {
  const std::filesystem::path log(path);
  const std::string prefix = log.filename().string() + '.';
  std::vector<ArchiveName> found;
  std::error_code error;
  std::filesystem::directory_iterator at(log.parent_path(), error), end;
  for (; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::error_code gone;
    if (!name.starts_with(prefix) || at->symlink_status(gone).type() != std::filesystem::file_type::regular) continue;
    if (auto archive = parse_archive_name(std::string_view(name).substr(prefix.size()))) {
      found.push_back(std::move(*archive));
    }
  }
  return found;
}

}  // namespace postern::accesslog
