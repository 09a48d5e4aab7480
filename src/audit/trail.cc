// See trail.h.
#include "audit/trail.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "audit/file_name.h"
#include "audit/trail_writer.h"

namespace postern::audit {
namespace {

constexpr std::size_t kRingBytes = std::size_t{1} << 20;  // some 2,000 records; memory only where they have been

std::int64_t unix_ns() noexcept {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

using KeyPtr = std::shared_ptr<const crypto::Ed25519Key>;

/// nullptr without an error: the stream has none.
KeyPtr load_key(const config::AuditStream& settings, std::string& error) {
  if (settings.key_file.empty()) return nullptr;
  crypto::Loaded<crypto::Ed25519Key> key = crypto::Ed25519Key::load(settings.key_file);
  error = key.error;
  return key ? std::make_shared<const crypto::Ed25519Key>(std::move(*key.value)) : nullptr;
}

/// Another process may be writing the file: it is looked at and left alone.
std::string look_at_file(const std::string& path) {
  const std::string folder = folder_of(path);
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return folder + ": " + std::strerror(errno);
  if (::access(path.c_str(), F_OK) != 0) return {};
  const int fd = ::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return path + ": " + std::strerror(errno);
  ::close(fd);
  return {};
}

}  // namespace

/// What a stream is known by as long as the process lives: another file is another stream.
struct AuditTrail::Stream {
  config::AuditStream settings;
  StreamState state;
  std::vector<std::unique_ptr<Lane>> lanes;  // one for each core
  bool is_current = false;                   // the last configure() had it
};

AuditTrail::AuditTrail() : writer_(std::make_unique<TrailWriter>()) {}

AuditTrail::~AuditTrail() { stop(std::chrono::seconds(1)); }

std::string AuditTrail::check(const config::AuditStream& settings) {
  std::string error;
  load_key(settings, error);
  return error.empty() ? look_at_file(settings.file) : error;
}

CoreAudit& AuditTrail::add_core() {
  CoreAudit& core = *cores_.emplace_back(std::make_unique<CoreAudit>(writer_->bell()));
  for (std::size_t i = 0; i < streams_.size(); ++i) add_lane(i, core);
  return core;
}

void AuditTrail::add_lane(std::size_t index, CoreAudit& core) {
  Stream& stream = *streams_[index];
  Lane& lane = *stream.lanes.emplace_back(std::make_unique<Lane>(stream.state, kRingBytes));
  writer_->add_lane(index, lane, core);
  core.add_lane(static_cast<StreamIndex>(index), lane);
}

void AuditTrail::configure(const std::vector<config::AuditStream>& streams) {
  std::vector<KeyPtr> keys;
  std::vector<std::size_t> places;
  std::size_t next = streams_.size();
  for (const config::AuditStream& settings : streams) {  // whatever can fail does so before anything has changed
    std::string error;
    keys.push_back(load_key(settings, error));
    if (error.empty()) error = look_at_file(settings.file);
    if (!error.empty()) throw std::runtime_error("audit stream " + settings.name + ": " + error);
    const auto known = std::ranges::find_if(streams_, [&](const auto& stream) {
      return stream->settings.name == settings.name && stream->settings.file == settings.file;
    });
    places.push_back(known != streams_.end() ? static_cast<std::size_t>(known - streams_.begin()) : next++);
  }
  if (next > kMaxStreams) throw std::runtime_error("audit: this process has had too many streams; restart it");
  for (const auto& stream : streams_) stream->is_current = false;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const bool is_new = places[i] == streams_.size();
    if (is_new) {
      Stream& stream = *streams_.emplace_back(std::make_unique<Stream>());
      writer_->add(std::make_unique<StreamWriter>(streams[i], keys[i], stream.state, unix_ns));
      for (const auto& core : cores_) add_lane(places[i], *core);
    } else {
      writer_->configure(places[i], streams[i], keys[i]);
    }
    streams_[places[i]]->settings = streams[i];
    streams_[places[i]]->is_current = true;
  }
  if (wants_thread_) start();
}

void AuditTrail::start() {
  wants_thread_ = true;
  if (!streams_.empty()) writer_->start();
}

StreamIndex AuditTrail::stream_of(std::string_view listener) const noexcept {
  StreamIndex rest = kNoStream;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (!streams_[i]->is_current) continue;
    const std::vector<std::string>& listeners = streams_[i]->settings.listeners;
    if (std::ranges::find(listeners, listener) != listeners.end()) return static_cast<StreamIndex>(i);
    if (listeners.empty()) rest = static_cast<StreamIndex>(i);
  }
  return rest;
}

std::vector<StreamCounters> AuditTrail::counters() const {
  std::vector<StreamCounters> all;
  for (const auto& stream : streams_) {
    const StreamState& state = stream->state;
    StreamCounters one;
    one.name = stream->settings.name;
    one.is_failing = state.is_failing.load(std::memory_order_relaxed);
    one.written = state.written.load(std::memory_order_relaxed);
    one.lost = state.lost.load(std::memory_order_relaxed);
    one.refused = state.refused.load(std::memory_order_relaxed);
    one.syncs = state.syncs.load(std::memory_order_relaxed);
    one.failures = state.failures.load(std::memory_order_relaxed);
    all.push_back(std::move(one));
  }
  return all;
}

void AuditTrail::stop(std::chrono::milliseconds bound) noexcept { writer_->stop(bound); }

}  // namespace postern::audit
