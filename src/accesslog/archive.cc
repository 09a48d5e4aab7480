// See archive.h.
#include "accesslog/archive.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <utility>

#include "accesslog/compress.h"
#include "base/blocked_signals.h"
#include "base/log.h"

namespace postern::accesslog {
namespace {

constexpr std::chrono::minutes kLookAgain{10};  // days pass without a rotation, and busy files come free

}  // namespace

Archive::Archive(std::string path, const RotationPolicy& policy, metrics::MetricsRegistry& registry)
    : path_(std::move(path)), policy_(policy), registry_(registry) {
  const BlockedSignals blocked;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "log-archive");
}

Archive::~Archive() {
  stop_.store(true, std::memory_order_relaxed);
  wake();
  thread_.join();
}

void Archive::wake() noexcept {
  {
    const std::lock_guard lock(mutex_);
    is_wanted_ = true;
  }
  wanted_.notify_one();
}

void Archive::run() noexcept {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19);  // on Linux that is the thread
  while (!stop_.load(std::memory_order_relaxed)) {
    {
      std::unique_lock lock(mutex_);
      wanted_.wait_for(lock, kLookAgain, [this] { return is_wanted_; });
      is_wanted_ = false;
    }
    try {
      if (!stop_.load(std::memory_order_relaxed)) tidy(std::time(nullptr));
    } catch (const std::exception& failure) {
      registry_.count(metrics::Event::access_log_archive_failed);
      log::error("access log: archiving gave up", {{"error", failure.what()}});
    }
  }
}

void Archive::tidy(std::time_t now) {
  std::vector<ArchiveName> there = list_archives(path_);
  for (const ArchiveName& name : expired(there, policy_, now)) {
    remove(name);
    std::erase(there, name);
  }
  if (policy_.compress == config::Compress::none) return;
  for (const ArchiveName& name : there) {
    if (stop_.load(std::memory_order_relaxed)) return;
    if (name.suffix.empty()) compress(name);
  }
}

void Archive::remove(const ArchiveName& name) {
  if (::unlink(file(name).c_str()) != 0 && errno != ENOENT) failed("access log: cannot delete", file(name));
}

void Archive::compress(const ArchiveName& name) {
  ArchiveName made = name;
  made.suffix = suffix_of(policy_.compress);
  if (!compress_file(file(name), file(made), policy_.compress, stop_)) {
    if (errno != ECANCELED && errno != EBUSY && errno != ENOENT) failed("access log: cannot compress", file(name));
    return;
  }
  remove(name);
  registry_.count(metrics::Event::access_log_archived);
}

void Archive::failed(const char* what, const std::string& file) noexcept {
  const int why = errno;
  registry_.count(metrics::Event::access_log_archive_failed);
  log::warn(what, {{"file", file}, {"error", std::strerror(why)}});
}

}  // namespace postern::accesslog
