// Lines to a syslog server over TCP, framed by octet counting (RFC 6587, 3.4.1).
// The thread of the log that owns it. Syslog acknowledges nothing: what the kernel had taken when a connection broke
// may be lost and is not counted; a message that was cut off is sent again, whole.
#pragma once

#include <string>
#include <vector>

#include "accesslog/line_sink.h"
#include "accesslog/message_frame.h"
#include "accesslog/peer_socket.h"

namespace postern::accesslog {

class TcpSink final : public LineSink {
 public:
  TcpSink(std::vector<net::SocketAddress> peers, std::unique_ptr<MessageFrame> frame);

  Outcome write(std::string_view& lines) noexcept override;
  void wait(std::chrono::milliseconds at_most) noexcept override { socket_.wait(at_most); }
  void set_severity(Severity severity) noexcept override { severity_ = severity; }

 private:
  /// Messages for the next lines into out_; they are the first of what write() was given.
  void fill(std::string_view lines);
  Outcome send(std::string_view& lines) noexcept;
  /// The server never says anything: what can be read is the end of the connection.
  [[nodiscard]] bool has_ended() const noexcept;
  void forget() noexcept;

  struct Message {
    std::size_t end;   // in out_
    std::size_t line;  // bytes that leave `lines` with it
  };

  PeerSocket socket_;
  std::unique_ptr<MessageFrame> frame_;
  Severity severity_ = Severity::info;
  std::string out_;
  std::size_t sent_ = 0;           // of out_
  std::vector<Message> messages_;  // in out_, from first_ on not sent
  std::size_t first_ = 0;
};

}  // namespace postern::accesslog
