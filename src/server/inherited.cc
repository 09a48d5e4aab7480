#include "server/inherited.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include "base/log.h"

namespace postern::server {

namespace {

constexpr int kFirst = 3;  // where systemd's begin
constexpr int kLargest = 1 << 20;

std::optional<int> parse_number(std::string_view text, int least, int most) noexcept {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value < least || value > most) return std::nullopt;
  return value;
}

/// Cuts what stands before the separator; all of it when there is none.
std::string_view cut(std::string_view& text, char separator) noexcept {
  const std::size_t at = std::min(text.find(separator), text.size());
  const std::string_view first = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return first;
}

InheritedPlan refused(std::string why) {
  InheritedPlan plan;
  plan.error = std::move(why);
  return plan;
}

/// False: a descriptor that cannot be one, or was named before.
bool add_all(std::string_view fds, std::string_view key, bool admin, std::set<int>& seen, InheritedPlan& plan) {
  while (!fds.empty()) {
    const std::optional<int> fd = parse_number(cut(fds, ','), kFirst, kLargest);
    if (!fd || !seen.insert(*fd).second || plan.entries.size() >= kMaxInherited) return false;
    plan.entries.push_back({*fd, {}, std::string(key), admin});
  }
  return true;
}

bool is_listening(int fd, std::string& why) {
  int listening = 0, type = 0;
  socklen_t size = sizeof listening;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) {
    why = std::strerror(errno);
    return false;
  }
  size = sizeof type;
  ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
  const int family = net::local_of(fd).family();
  if (type != SOCK_STREAM || (family != AF_INET && family != AF_INET6 && family != AF_UNIX))
    why = "not a stream socket";
  else if (!listening)
    why = "not listening";
  return why.empty();
}

void make_ours(int fd) noexcept {
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

InheritedPlan parse_listen_fds(const char* pid, const char* count, const char* names, pid_t self) {
  InheritedPlan plan;
  if (!pid || !count) return plan;
  const std::optional<int> whose = parse_number(pid, 1, 1 << 30);
  if (!whose) return refused("LISTEN_PID is no process id");
  if (*whose != self) return plan;
  const std::optional<int> fds = parse_number(count, 0, static_cast<int>(kMaxInherited));
  if (!fds) return refused("LISTEN_FDS is no number of descriptors");
  std::string_view rest = names ? std::string_view(names) : std::string_view();
  for (int i = 0; i < *fds; ++i) {
    const std::string_view name = cut(rest, ':');
    plan.entries.push_back({kFirst + i, std::string(name.substr(0, 255)), {}, false});
  }
  return plan;
}

InheritedPlan parse_handover(std::string_view text) {
  InheritedPlan plan;
  std::set<int> seen;
  while (!text.empty()) {
    std::string_view line = cut(text, '\n');
    const std::string_view what = cut(line, ' ');
    const std::string_view fds = cut(line, ' ');
    if (what == "ready") {
      const std::optional<int> fd = parse_number(fds, kFirst, kLargest);
      if (!fd || plan.ready_fd >= 0 || !seen.insert(*fd).second) return refused("a bad descriptor to say ready on");
      plan.ready_fd = *fd;
    } else if (what != "listen" && what != "admin") {
      return refused("a line of an unknown kind");
    } else if (fds.empty() || line.empty() || !add_all(fds, line, what == "admin", seen, plan)) {
      return refused("a bad line of sockets");
    }
  }
  if (plan.ready_fd < 0) return refused("no descriptor to say ready on");
  return plan;
}

std::string write_handover(int ready_fd, const std::vector<HandoverSocket>& sockets) {
  std::string text = fmt::format("ready {}\n", ready_fd);
  for (const HandoverSocket& socket : sockets) {
    if (socket.fds.empty()) continue;
    text += fmt::format("{} {} {}\n", socket.admin ? "admin" : "listen", fmt::join(socket.fds, ","), socket.key);
  }
  return text;
}

InheritedSockets::InheritedSockets(const InheritedPlan& plan) : ready_fd_(plan.ready_fd) {
  if (ready_fd_ >= 0) make_ours(ready_fd_);
  for (const InheritedPlan::Entry& entry : plan.entries) {
    std::string why;
    if (is_listening(entry.fd, why)) {
      make_ours(entry.fd);
      sockets_.push_back({entry.fd, entry, net::local_of(entry.fd)});
      continue;
    }
    log::warn("an inherited descriptor is of no use", {{"descriptor", entry.fd}, {"name", entry.name}, {"why", why}});
    ::close(entry.fd);
  }
}

InheritedSockets::InheritedSockets(InheritedSockets&& other) noexcept
    : sockets_(std::exchange(other.sockets_, {})), ready_fd_(std::exchange(other.ready_fd_, -1)) {}

InheritedSockets& InheritedSockets::operator=(InheritedSockets&& other) noexcept {
  std::swap(sockets_, other.sockets_);
  std::swap(ready_fd_, other.ready_fd_);
  return *this;
}

InheritedSockets::~InheritedSockets() {
  for (const Socket& socket : sockets_) ::close(socket.fd);
  if (ready_fd_ >= 0) ::close(ready_fd_);
}

InheritedSockets InheritedSockets::from_environment() {
  const char* handover = std::getenv(kHandoverVariable);
  const InheritedPlan plan = handover ? parse_handover(handover)
                                      : parse_listen_fds(std::getenv("LISTEN_PID"), std::getenv("LISTEN_FDS"),
                                                         std::getenv("LISTEN_FDNAMES"), ::getpid());
  if (!plan.error.empty()) log::error("inherited sockets are left alone", {{"why", plan.error}});
  for (const char* name : {kHandoverVariable, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  return InheritedSockets(plan);
}

template <class Wanted>
std::vector<int> InheritedSockets::take_if(Wanted wanted) {
  std::vector<int> fds;
  std::erase_if(sockets_, [&](const Socket& socket) {
    if (!wanted(socket)) return false;
    fds.push_back(socket.fd);
    return true;
  });
  return fds;
}

std::vector<int> InheritedSockets::take(const std::string& key, const std::string& name,
                                        const std::vector<net::SocketAddress>& addresses) {
  std::vector<int> fds = take_if([&](const Socket& s) { return !s.entry.admin && s.entry.key == key; });
  if (fds.empty()) fds = take_if([&](const Socket& s) { return s.entry.key.empty() && s.entry.name == name; });
  if (!fds.empty()) return fds;
  return take_if([&](const Socket& s) {
    return !s.entry.admin && std::find(addresses.begin(), addresses.end(), s.local) != addresses.end();
  });
}

int InheritedSockets::take_admin(const std::string& address) {
  std::vector<int> fds = take_if([&](const Socket& s) {
    return s.entry.key.empty() ? s.entry.name == "admin" : s.entry.admin && s.entry.key == address;
  });
  if (fds.empty()) return -1;
  for (std::size_t i = 1; i < fds.size(); ++i) ::close(fds[i]);
  return fds.front();
}

void InheritedSockets::say_ready() noexcept {
  if (ready_fd_ < 0) return;
  constexpr std::string_view kWord = "ready\n";
  if (::write(ready_fd_, kWord.data(), kWord.size()) < 0) log::warn("nobody waits for this process to be ready");
  ::close(std::exchange(ready_fd_, -1));
}

std::vector<std::string> InheritedSockets::close_rest() {
  std::vector<std::string> addresses;
  for (const Socket& socket : sockets_) {
    addresses.push_back(socket.local.text());
    ::close(socket.fd);
  }
  sockets_.clear();
  return addresses;
}

std::vector<std::string> successor_environment(char* const* environment) {
  constexpr std::array<std::string_view, 5> kOurs{
      "POSTERN_HANDOVER=", "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=", "WATCHDOG_PID="};
  std::vector<std::string> out;
  for (; environment && *environment; ++environment) {
    const std::string_view entry = *environment;
    const bool ours = std::any_of(kOurs.begin(), kOurs.end(), [&](auto name) { return entry.starts_with(name); });
    if (!ours) out.emplace_back(entry);
  }
  return out;
}

}  // namespace postern::server
