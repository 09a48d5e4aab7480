// Lines as datagrams, one each: syslog over UDP or a Unix socket, journald's native protocol.
// The thread of the log that owns it. What UDP loses on its way nobody knows.
#pragma once

#include <memory>

#include "accesslog/line_sink.h"
#include "accesslog/message_frame.h"
#include "accesslog/peer_socket.h"

namespace postern::accesslog {

class DatagramSink final : public LineSink {
 public:
  DatagramSink(std::vector<net::SocketAddress> peers, std::unique_ptr<MessageFrame> frame);

  Outcome write(std::string_view& lines) noexcept override;
  void wait(std::chrono::milliseconds at_most) noexcept override;
  void set_severity(Severity severity) noexcept override { severity_ = severity; }
  std::uint64_t take_lost() noexcept override;

 private:
  Outcome send(std::string_view& lines) noexcept;
  /// What a failed send means; `lines` may lose one that can never be sent.
  Outcome judge(int error, std::string_view& lines) noexcept;

  const bool is_udp_;
  PeerSocket socket_;
  std::unique_ptr<MessageFrame> frame_;
  Severity severity_ = Severity::info;
  std::uint64_t lost_ = 0;
  bool is_pressed_ = false;  // no memory in the kernel: waiting for the socket would end at once
};

}  // namespace postern::accesslog
