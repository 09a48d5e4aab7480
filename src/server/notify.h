// Tells the service manager how we are: systemd's notification protocol, one datagram per message to $NOTIFY_SOCKET.
// Control thread only. Without that variable everything here does nothing. Knows nothing of what the daemon does.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::server {

class Notifier {
 public:
  /// From the environment: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID.
  Notifier();
  /// `socket`: a path, or "@name" in the abstract name space; empty: nobody listens.
  explicit Notifier(const std::string& socket, std::chrono::microseconds watchdog = {});
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  [[nodiscard]] bool is_managed() const noexcept { return fd_ >= 0; }
  /// How often the manager wants to hear watchdog(); 0: never.
  [[nodiscard]] std::chrono::microseconds watchdog_interval() const noexcept { return watchdog_; }

  void ready(std::string_view status);
  void reloading();
  void stopping(std::string_view status);
  void status(std::string_view text);
  void watchdog();
  /// Starting or stopping takes until then at least.
  void extend(std::chrono::milliseconds time);
  /// That process is the service from now on.
  void main_process(pid_t pid, std::string_view status);

 private:
  void open(const std::string& socket);
  void send(std::string_view message);

  int fd_ = -1;
  std::chrono::microseconds watchdog_{};
  bool complained_ = false;
};

/// WATCHDOG_USEC and WATCHDOG_PID (nullptr: not set) as systemd means them; 0 when they are not for us, or nonsense.
std::chrono::microseconds parse_watchdog(const char* microseconds, const char* pid, pid_t self) noexcept;

}  // namespace postern::server
