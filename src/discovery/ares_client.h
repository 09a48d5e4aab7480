// DNS lookups through c-ares on an io_context: its sockets are waited for, its timeouts are a timer, nothing blocks.
// One per set of servers that are asked; one thread. Answers are posted: never from within a call, and none after the
// client is gone. c-ares sees to CNAMEs, truncated answers (TCP), repetitions and the next server.
#pragma once

#include <ares.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "postern/discovery.h"

namespace postern::discovery {

class AresClient {
 public:
  struct Options {
    std::vector<std::string> servers;  // empty: the system's, with its search domains and hosts file
    std::int64_t timeout_ms = 3'000;   // per server, with one repetition
  };

  AresClient(boost::asio::io_context& io, Options options);
  AresClient(const AresClient&) = delete;
  AresClient& operator=(const AresClient&) = delete;
  ~AresClient();

  void find_addresses(const std::string& host, config::AddressFamily family, std::function<void(AddressAnswer)> done);
  void find_services(const std::string& name, std::function<void(ServiceAnswer)> done);

 private:
  struct Socket;
  struct AddressQuery;
  struct ServiceQuery;

  bool open(std::string& why);
  void close();
  bool begin(std::string& why);
  void on_socket(ares_socket_t fd, bool readable, bool writable);
  void wait_for(const std::shared_ptr<Socket>& socket);
  void set_timer();
  void ended(bool failed) noexcept;
  static void on_addresses(void* query, int status, int timeouts, ares_addrinfo* result);
  static void on_services(void* query, int status, int timeouts, unsigned char* bytes, int size);

  boost::asio::io_context& io_;
  const Options options_;
  ares_channel channel_ = nullptr;
  std::map<ares_socket_t, std::shared_ptr<Socket>> sockets_;
  boost::asio::steady_timer timer_;
  std::size_t running_ = 0;
  bool renew_ = false;     // something failed: the system's servers may be others by now
  Lifeline channel_life_;  // what waits for the channel's sockets and timeouts
  Lifeline life_;          // answers that are posted
};

}  // namespace postern::discovery
