#include "server/notify.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/log.h"

namespace postern::server {

namespace {

std::optional<std::uint64_t> parse_number(const char* text) noexcept {
  if (!text) return std::nullopt;
  std::uint64_t value = 0;
  const char* const end = text + std::strlen(text);
  const auto [stop, failure] = std::from_chars(text, end, value);
  if (failure != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// One line, as the protocol has it.
std::string line_of(std::string_view text) {
  std::string out(text.substr(0, 200));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return out;
}

}  // namespace

std::chrono::microseconds parse_watchdog(const char* microseconds, const char* pid, pid_t self) noexcept {
  constexpr std::uint64_t kLongest = 86'400'000'000;
  if (pid && parse_number(pid) != static_cast<std::uint64_t>(self)) return {};
  const std::optional<std::uint64_t> value = parse_number(microseconds);
  if (!value || *value == 0 || *value > kLongest) return {};
  return std::chrono::microseconds(*value);
}

Notifier::Notifier()
    : Notifier(variable("NOTIFY_SOCKET"),
               parse_watchdog(std::getenv("WATCHDOG_USEC"), std::getenv("WATCHDOG_PID"), ::getpid())) {}

Notifier::Notifier(const std::string& socket, std::chrono::microseconds watchdog) {
  if (!socket.empty()) open(socket);
  if (fd_ >= 0) watchdog_ = watchdog;
}

Notifier::~Notifier() {
  if (fd_ >= 0) ::close(fd_);
}

void Notifier::open(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool known = (socket[0] == '/' || socket[0] == '@') && socket.size() > 1;
  if (!known || socket.size() >= sizeof address.sun_path) {
    log::warn("NOTIFY_SOCKET is no address of a socket", {{"value", socket}});
    return;
  }
  std::memcpy(address.sun_path, socket.data(), socket.size());
  if (socket[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd_ >= 0 && ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), size) == 0) return;
  log::warn("the service manager cannot be told anything", {{"errno", errno}});
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Notifier::ready(std::string_view status) { send(fmt::format("READY=1\nSTATUS={}", line_of(status))); }

// The time lets the manager tell this reload's READY=1 from an older one.
void Notifier::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reloading",
                   static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000));
}

void Notifier::stopping(std::string_view status) { send(fmt::format("STOPPING=1\nSTATUS={}", line_of(status))); }

void Notifier::status(std::string_view text) { send(fmt::format("STATUS={}", line_of(text))); }

void Notifier::watchdog() { send("WATCHDOG=1"); }

void Notifier::extend(std::chrono::milliseconds time) {
  send(fmt::format("EXTEND_TIMEOUT_USEC={}", std::chrono::microseconds(time).count()));
}

void Notifier::main_process(pid_t pid, std::string_view status) {
  send(fmt::format("MAINPID={}\nSTATUS={}", pid, line_of(status)));
}

// Blocks no longer than the manager is busy reading; it never takes the daemon down.
void Notifier::send(std::string_view message) {
  if (fd_ < 0) return;
  if (::send(fd_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return;
  if (!complained_) log::warn("the service manager does not take messages", {{"errno", errno}});
  complained_ = true;
}

}  // namespace postern::server
