#include "server/acceptor.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"
#include "net/socket_address.h"
#include "server/connection.h"
#include "server/core.h"

namespace postern::server {

namespace {
/// Per wake-up: a flood of new connections must not starve those that are here.
constexpr int kBatch = 16;
/// Out of descriptors or memory: others have to go first.
constexpr std::int64_t kPauseMs = 100;
}  // namespace

Acceptor::Acceptor(Core& core, std::uint16_t listener, int fd)
    : core_(core),
      listener_(listener),
      fd_(fd),
      family_(net::local_of(fd).family()),
      socket_(core.loop().io()),
      resume_([](void* self) noexcept { static_cast<Acceptor*>(self)->wait(); }, this),
      self_(std::make_shared<Acceptor*>(this)) {
  socket_.assign(boost::asio::generic::stream_protocol(family_, 0), fd);
  wait();
}

Acceptor::~Acceptor() { *self_ = nullptr; }

void Acceptor::wait() {
  socket_.async_wait(boost::asio::socket_base::wait_read, [self = self_](const boost::system::error_code& error) {
    if (*self && !error) (*self)->on_ready();
  });
}

void Acceptor::on_ready() {
  const std::shared_ptr<Acceptor*> self = self_;
  for (int i = 0; i < kBatch; ++i) {
    if (!accept_one()) break;
    if (!*self) return;  // what was accepted ended with us (never today; cheap to be sure)
  }
  if (!resume_.is_set()) wait();
}

void Acceptor::empty_queue() {
  constexpr int kMost = 1 << 16;  // as long as a queue can be: not for ever
  for (int i = 0; i < kMost && accept_one(); ++i) {
  }
}

bool Acceptor::accept_one() {
  net::SocketAddress from;
  from.size = sizeof from.storage;
  const int fd = ::accept4(fd_, from.get(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  const proxy::GenerationPin generation = core_.pipeline().generation();
  const proxy::ListenerPolicy& policy = generation->snapshot->listeners[listener_];
  metrics::ListenerRow& row = core_.metrics().listener(policy.slot);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      row.reject(errno == EMFILE || errno == ENFILE ? metrics::Rejection::descriptors : metrics::Rejection::memory);
      log::warn("cannot accept connections", {{"listener", policy.name}, {"errno", errno}});
      pause();
      return false;
    }
    return errno != EAGAIN && errno != EWOULDBLOCK;  // this one went away again; the next may be fine
  }
  row.accepted.add();
  if (policy.max_connections != 0 && row.open.get() >= policy.max_connections) {
    row.reject(metrics::Rejection::limit);
    ::close(fd);
    return true;
  }
  if (core_.refuses_connections() && !policy.essential) {
    row.reject(metrics::Rejection::overload);
    core_.metrics().shed(metrics::Shed::connection);
    ::close(fd);
    return true;
  }
  net::Socket socket(core_.loop(), fd);
  if (!socket.is_open()) {
    row.reject(metrics::Rejection::memory);
    return true;
  }
  core_.connections().start(run_connection(core_, generation, listener_, std::move(socket), net::to_address(from)));
  return true;
}

void Acceptor::pause() { core_.loop().set_timer(resume_, kPauseMs); }

}  // namespace postern::server
