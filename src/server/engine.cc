#include "server/engine.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/log.h"

namespace postern::server {

namespace {

std::string executable_of(const std::string& engine) { return engine == "io_uring" ? "postern-io_uring" : "postern"; }

/// Beside this executable, in ../libexec/postern (an installed launcher), or in ../../bin (an installed sibling).
std::string find_sibling(const std::string& name) {
  std::error_code failed;
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path();
  if (failed) return {};
  for (const auto& folder : {here, here / "../libexec/postern", here / "../../bin"}) {
    const std::filesystem::path candidate = folder / name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate.lexically_normal();
  }
  return {};
}

}  // namespace

std::string own_engine() { return POSTERN_ENGINE_NAME; }

bool io_uring_works(std::string& why_not) {
  io_uring_params parameters{};
  const long fd = ::syscall(__NR_io_uring_setup, 2, &parameters);
  if (fd >= 0) {
    ::close(static_cast<int>(fd));
    return true;
  }
  why_not = std::strerror(errno);
  return false;
}

void choose_engine(config::Engine wanted, char** arguments) {
  // `auto` is what the bench says is cheaper: docs/decisions/0004-engines.md.
  std::string engine = wanted == config::Engine::io_uring ? "io_uring" : "epoll";
  std::string why_not;
  if (engine == "io_uring" && !io_uring_works(why_not)) {
    log::warn("io_uring is not available, using epoll", {{"why", why_not}});
    engine = "epoll";
  }
  if (engine == own_engine()) return;
  const std::string sibling = find_sibling(executable_of(engine));
  if (!sibling.empty()) ::execv(sibling.c_str(), arguments);
  log::warn("the engine's executable is missing, using this one", {{"wanted", engine}, {"used", own_engine()}});
}

}  // namespace postern::server
