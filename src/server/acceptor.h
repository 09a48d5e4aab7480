// Takes connections from one listening socket on one core and starts a Connection for each. One core only.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <cstdint>
#include <memory>

#include "metrics/core_metrics.h"
#include "net/loop.h"

namespace postern::server {

class Core;

class Acceptor {
 public:
  /// Owns `fd`.
  Acceptor(Core& core, std::uint16_t listener, int fd);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  /// Connections belong to that listener from now on.
  void serve(std::uint16_t listener) noexcept { listener_ = listener; }
  [[nodiscard]] std::uint16_t listener() const noexcept { return listener_; }

  /// Takes all that wait in the kernel's queue, which closing the socket would reset. Before the end.
  void empty_queue();

 private:
  void wait();
  void on_ready();
  /// False: the queue is empty, or accepting has to pause.
  bool accept_one();
  void pause();

  Core& core_;
  std::uint16_t listener_;
  const int fd_;
  const int family_;
  // No Asio acceptor would take a generic protocol: a socket that is only ever waited on does.
  boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, net::Loop::Executor> socket_;
  net::Timer resume_;
  std::shared_ptr<Acceptor*> self_;  // emptied at the end
};

}  // namespace postern::server
