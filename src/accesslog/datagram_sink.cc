// See datagram_sink.h.
#include "accesslog/datagram_sink.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <new>
#include <utility>

namespace postern::accesslog {
namespace {

constexpr std::size_t kAtOnce = 32;

iovec piece(std::string_view text) noexcept { return {const_cast<char*>(text.data()), text.size()}; }

std::int64_t unix_now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

/// Up to kAtOnce lines as datagrams.
struct Batch {
  std::array<mmsghdr, kAtOnce> headers{};
  std::array<std::array<iovec, 3>, kAtOnce> parts;
  std::array<std::size_t, kAtOnce> sizes;  // of the lines with their '\n'
  unsigned count = 0;

  Batch(std::string_view lines, const MessageFrame& frame) noexcept {
    while (count < kAtOnce && !lines.empty()) {
      const std::size_t length = lines.find('\n');
      parts[count] = {piece(frame.prefix()), piece(lines.substr(0, length)), piece(frame.suffix())};
      headers[count].msg_hdr.msg_iov = parts[count].data();
      headers[count].msg_hdr.msg_iovlen = frame.suffix().empty() ? 2 : 3;
      sizes[count++] = length + 1;
      lines.remove_prefix(length + 1);
    }
  }
};

}  // namespace

DatagramSink::DatagramSink(std::vector<net::SocketAddress> peers, std::unique_ptr<MessageFrame> frame)
    : is_udp_(!peers.front().is_unix()), socket_(std::move(peers), SOCK_DGRAM), frame_(std::move(frame)) {}

LineSink::Outcome DatagramSink::write(std::string_view& lines) noexcept {
  if (lines.empty()) return Outcome::done;
  try {
    frame_->render(severity_, unix_now());
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
    return Outcome::failed;
  }
  while (!lines.empty()) {
    if (socket_.find() != PeerSocket::State::ready) return Outcome::unavailable;
    const Outcome outcome = send(lines);
    if (outcome != Outcome::done) return outcome;
  }
  return Outcome::done;
}

LineSink::Outcome DatagramSink::send(std::string_view& lines) noexcept {
  Batch batch(lines, *frame_);
  is_pressed_ = false;
  const int sent = ::sendmmsg(socket_.fd(), batch.headers.data(), batch.count, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return judge(errno, lines);
  for (int i = 0; i < sent; ++i) lines.remove_prefix(batch.sizes[static_cast<std::size_t>(i)]);
  return Outcome::done;  // fewer than all: the next call says why
}

LineSink::Outcome DatagramSink::judge(int error, std::string_view& lines) noexcept {
  switch (error) {
    case EINTR:
      return Outcome::done;
    case EAGAIN:
      return Outcome::blocked;
    case EMSGSIZE:
      lines.remove_prefix(lines.find('\n') + 1);
      ++lost_;
      return Outcome::done;
    case ENOBUFS:
    case ENOMEM:
      is_pressed_ = true;
      errno = error;
      return Outcome::unavailable;
    case ECONNREFUSED:
      if (is_udp_) {  // told of an earlier datagram that found nobody
        ++lost_;
        return Outcome::done;
      }
      break;
    default:
      break;
  }
  socket_.fail(error);
  return Outcome::unavailable;
}

void DatagramSink::wait(std::chrono::milliseconds at_most) noexcept {
  if (is_pressed_) {
    ::poll(nullptr, 0, static_cast<int>(at_most.count()));
  } else {
    socket_.wait(at_most);
  }
}

std::uint64_t DatagramSink::take_lost() noexcept { return std::exchange(lost_, 0); }

}  // namespace postern::accesslog
