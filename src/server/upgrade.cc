#include "server/upgrade.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <cstring>

#include "base/log.h"

namespace postern::server {

namespace asio = boost::asio;

namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// What posix_spawn wants to be told, given back at the end.
struct SpawnPlan {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    sigset_t none, ours;
    ::sigemptyset(&none);
    ::sigfillset(&ours);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &ours);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  /// Under the same number; a copy onto itself loses close-on-exec.
  void pass(int fd) { ::posix_spawn_file_actions_adddup2(&actions, fd, fd); }
};

}  // namespace

Invocation Invocation::of(int argc, char** argv) {
  Invocation out;
  out.arguments.assign(argv, argv + argc);
  char path[PATH_MAX];
  const std::string called = argc > 0 ? argv[0] : "";
  if (called.find('/') == std::string::npos) {
    const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
    out.program.assign(path, size > 0 ? static_cast<std::size_t>(size) : 0);
  } else {
    out.program = called;
    if (called[0] != '/' && ::getcwd(path, sizeof path)) out.program = std::string(path) + "/" + called;
  }
  out.environment = successor_environment(environ);
  return out;
}

Upgrade::Upgrade(asio::io_context& io, Invocation invocation)
    : invocation_(std::move(invocation)), io_(io), word_(io), deadline_(io) {}

Upgrade::~Upgrade() { give_up(); }

void Upgrade::begin(const std::vector<HandoverSocket>& sockets, std::chrono::milliseconds timeout, Done done) {
  done_ = std::move(done);
  int ends[2];
  std::string error = "no pipe";
  if (::pipe2(ends, O_CLOEXEC) == 0) {
    error = spawn(sockets, ends[1]);
    ::close(ends[1]);
    word_.assign(ends[0]);
  }
  if (!error.empty()) {
    asio::post(io_, [this, error] { finish(false, error); });
    return;
  }
  wait_for_word();
  deadline_.expires_after(timeout);
  deadline_.async_wait([this](const boost::system::error_code& stopped) {
    if (!stopped) finish(false, "it was not ready in time");
  });
}

// The successor gets the descriptors by number and nothing else of ours: all others close with exec.
std::string Upgrade::spawn(const std::vector<HandoverSocket>& sockets, int ready_fd) {
  std::vector<std::string> arguments = invocation_.arguments;
  std::vector<std::string> environment = invocation_.environment;
  environment.push_back(fmt::format("{}={}", kHandoverVariable, write_handover(ready_fd, sockets)));
  SpawnPlan plan;
  plan.pass(ready_fd);
  for (const HandoverSocket& socket : sockets) {
    for (const int fd : socket.fds) plan.pass(fd);
  }
  const int failure = ::posix_spawn(&child_, invocation_.program.c_str(), &plan.actions, &plan.attributes,
                                    pointers(arguments).data(), pointers(environment).data());
  if (failure == 0) return {};
  child_ = 0;
  return "cannot start " + invocation_.program + ": " + std::strerror(failure);
}

void Upgrade::wait_for_word() {
  word_.async_read_some(asio::buffer(text_), [this](const boost::system::error_code& error, std::size_t size) {
    if (error == asio::error::operation_aborted || !done_) return;
    finish(size > 0, size > 0 ? "" : "it ended before it was ready");
  });
}

void Upgrade::finish(bool ready, const std::string& why_not) {
  if (!done_) return;
  deadline_.cancel();
  word_.close();
  if (child_ != 0) unburied_.push_back(child_);
  if (!ready && child_ != 0) ::kill(child_, SIGKILL);
  const Done done = std::exchange(done_, nullptr);
  done(ready, why_not);
  child_ = 0;
  reap();
}

void Upgrade::give_up() noexcept {
  if (!done_) return;
  done_ = nullptr;
  deadline_.cancel();
  if (word_.is_open()) word_.close();
  if (child_ != 0) ::kill(child_, SIGTERM);
  child_ = 0;
}

void Upgrade::reap() noexcept {
  std::erase_if(unburied_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) == pid; });
}

}  // namespace postern::server
