#include "net/io_uring_reactor.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "net/socket_block.h"

namespace postern::net {

namespace asio = boost::asio;

namespace {

constexpr unsigned kEntries = 1024;
constexpr unsigned kCompletions = 16 * 1024;  // an overflow is survived, at a cost
constexpr unsigned kBatch = 256;
constexpr int kLooks = 16;

// What a completion is about, in the low bits of a block's address.
constexpr std::uint64_t kReads = 0;
constexpr std::uint64_t kWrites = 1;
constexpr std::uint64_t kCancel = 2;
constexpr std::uint64_t kTags = 3;

/// Plain flags: with deferred completions (IORING_SETUP_DEFER_TASKRUN) neither the ring's descriptor nor an eventfd
/// wakes us for each edge (seen with Linux 6.18), and a core that sleeps on epoll has to be woken. Returns the eventfd.
int new_ring(io_uring& ring) {
  io_uring_params params{};
  params.cq_entries = kCompletions;
  params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_COOP_TASKRUN;  // no interrupts of running code: 5.19 and later
  int code = io_uring_queue_init_params(kEntries, &ring, &params);
  if (code == -EINVAL) {
    params = {};
    params.cq_entries = kCompletions;
    params.flags = IORING_SETUP_CQSIZE;
    code = io_uring_queue_init_params(kEntries, &ring, &params);
  }
  if (code < 0) throw std::system_error(-code, std::generic_category(), "io_uring");
  const int bell = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (bell < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  code = io_uring_register_eventfd(&ring, bell);
  if (code < 0) throw std::system_error(-code, std::generic_category(), "io_uring eventfd");
  return bell;
}

std::uint64_t data_of(const SocketBlock& block, std::uint64_t tag) noexcept {
  return reinterpret_cast<std::uintptr_t>(&block) | tag;
}

}  // namespace

bool io_uring_works(std::string& why_not) {
  io_uring ring;
  const int code = io_uring_queue_init(2, &ring, 0);
  if (code < 0) {
    why_not = std::strerror(-code);
    return false;
  }
  io_uring_queue_exit(&ring);
  return true;
}

IoUringReactor::IoUringReactor(asio::io_context& io) : bell_(io, new_ring(ring_)), running_(true) { wait(); }

IoUringReactor::~IoUringReactor() {
  stop();
  io_uring_queue_exit(&ring_);
}

io_uring_sqe* IoUringReactor::next_entry() noexcept {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (!entry) {
    io_uring_submit(&ring_);
    entry = io_uring_get_sqe(&ring_);
  }
  return entry;
}

void IoUringReactor::submit() noexcept {
  if (!dispatching_ && running_) io_uring_submit(&ring_);
}

void IoUringReactor::poll(SocketBlock& block, std::uint64_t tag) noexcept {
  io_uring_sqe* entry = next_entry();
  if (tag == kReads)
    io_uring_prep_poll_multishot(entry, block.fd, POLLIN | POLLRDHUP);
  else
    io_uring_prep_poll_add(entry, block.fd, POLLOUT);
  io_uring_sqe_set_data64(entry, data_of(block, tag));
  ++block.references;  // the ring's, until its last completion
  submit();
}

bool IoUringReactor::add(SocketBlock& block) noexcept {
  poll(block, kReads);
  block.reports_readable = true;
  return true;
}

void IoUringReactor::want_writable(SocketBlock& block) noexcept {
  if (block.reports_writable) return;
  block.reports_writable = true;
  poll(block, kWrites);
}

// A poll holds on to the file: without this the peer would not see the end.
void IoUringReactor::closing(SocketBlock& block) noexcept {
  const std::array<bool, 2> polled{block.reports_readable, block.reports_writable};
  for (const std::uint64_t tag : {kReads, kWrites}) {
    if (!polled[tag]) continue;
    io_uring_sqe* entry = next_entry();
    io_uring_prep_cancel64(entry, data_of(block, tag), 0);
    io_uring_sqe_set_data64(entry, kCancel);
  }
  if (polled[0] || polled[1]) io_uring_submit(&ring_);
}

void IoUringReactor::stop() noexcept {
  if (!running_) return;
  boost::system::error_code ignored;
  bell_.close(ignored);
  // Cancelled polls complete at once; their blocks go with them.
  for (int look = 0; look < 16 && dispatch_batch() > 0; ++look) {
  }
  running_ = false;
}

void IoUringReactor::wait() {
  bell_.async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    std::uint64_t rings = 0;
    static_cast<void>(::read(bell_.native_handle(), &rings, sizeof rings) > 0);
    dispatch();
    if (bell_.is_open()) wait();
  });
}

// The bell may not ring again for what is left behind now.
void IoUringReactor::dispatch() noexcept {
  for (int look = 0; look < kLooks; ++look) {
    if (dispatch_batch() == 0) return;
  }
  const std::uint64_t again = 1;
  static_cast<void>(::write(bell_.native_handle(), &again, sizeof again) > 0);
}

unsigned IoUringReactor::dispatch_batch() noexcept {
  io_uring_cqe* ready[kBatch];
  const unsigned count = io_uring_peek_batch_cqe(&ring_, ready, kBatch);
  struct Seen {
    std::uint64_t data;
    int result;
    std::uint32_t flags;
  };
  std::array<Seen, kBatch> seen;
  for (unsigned i = 0; i < count; ++i) seen[i] = {ready[i]->user_data, ready[i]->res, ready[i]->flags};
  io_uring_cq_advance(&ring_, count);  // before anything runs that may need the room
  begin_batch();
  dispatching_ = true;
  for (unsigned i = 0; i < count; ++i) complete(seen[i].data, seen[i].result, seen[i].flags);
  dispatching_ = false;
  submit();
  end_batch();
  return count;
}

void IoUringReactor::complete(std::uint64_t data, int result, std::uint32_t flags) noexcept {
  const std::uint64_t tag = data & kTags;
  if (tag == kCancel) return;
  SocketBlock& block = *reinterpret_cast<SocketBlock*>(data & ~kTags);
  const bool last = (flags & IORING_CQE_F_MORE) == 0;
  if (last) (tag == kReads ? block.reports_readable : block.reports_writable) = false;
  if (!block.closed) {
    // A poll that failed (out of memory) must not leave a connection waiting for ever.
    report(block, result >= 0 ? static_cast<std::uint32_t>(result) : static_cast<std::uint32_t>(POLLERR));
    if (last && tag == kReads && result >= 0 && !block.closed) {
      block.reports_readable = true;
      poll(block, kReads);
    }
  }
  if (last) block.drop_reference();
}

}  // namespace postern::net
