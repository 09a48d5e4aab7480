// Listening sockets that were open before this process began: from systemd (LISTEN_FDS) or from the postern that this
// one replaces (POSTERN_HANDOVER). Control thread, at start. The texts are checked as if a stranger had written them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "net/socket_address.h"

namespace postern::server {

/// Which descriptors the environment speaks of; nothing has been looked at yet.
struct InheritedPlan {
  struct Entry {
    int fd = -1;
    std::string name;  // systemd's FileDescriptorName, or empty
    std::string key;   // the predecessor's name for it (socket_key), or empty
    bool admin = false;
  };
  std::vector<Entry> entries;
  int ready_fd = -1;  // where the predecessor waits for a word
  std::string error;  // not empty: nothing of the text counts
};

inline constexpr std::size_t kMaxInherited = 65'536;

/// LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES; nullptr: not set. Empty without an error: they are not for this process.
InheritedPlan parse_listen_fds(const char* pid, const char* count, const char* names, pid_t self);

/// Lines of "ready 5", "listen 6,7,8 KEY", "admin 9 ADDRESS".
InheritedPlan parse_handover(std::string_view text);

/// What parse_handover() reads.
struct HandoverSocket {
  std::string key;
  std::vector<int> fds;
  bool admin = false;
};
std::string write_handover(int ready_fd, const std::vector<HandoverSocket>& sockets);

class InheritedSockets {
 public:
  InheritedSockets() = default;
  /// Looks at each descriptor: what is no listening stream socket is closed, with a line in the log.
  explicit InheritedSockets(const InheritedPlan& plan);
  InheritedSockets(InheritedSockets&& other) noexcept;
  InheritedSockets& operator=(InheritedSockets&& other) noexcept;
  ~InheritedSockets();

  /// From the environment, which then says nothing of it any more.
  static InheritedSockets from_environment();

  /// All sockets of that key (the predecessor's), else of that name, else bound to that address. The caller's from
  /// now on.
  std::vector<int> take(const std::string& key, const std::string& name,
                        const std::vector<net::SocketAddress>& addresses);
  /// The admin server's, by the predecessor's word or by the name "admin"; -1: none.
  int take_admin(const std::string& address);

  /// Whoever hands over goes on when it hears this.
  void say_ready() noexcept;
  [[nodiscard]] bool is_handover() const noexcept { return ready_fd_ >= 0; }

  /// What nobody wanted is closed; its addresses.
  std::vector<std::string> close_rest();

 private:
  struct Socket {
    int fd = -1;
    InheritedPlan::Entry entry;
    net::SocketAddress local;
  };
  template <class Wanted>
  std::vector<int> take_if(Wanted wanted);

  std::vector<Socket> sockets_;
  int ready_fd_ = -1;
};

/// The environment without what is meant for one process only; for a successor.
std::vector<std::string> successor_environment(char* const* environment);

inline constexpr const char* kHandoverVariable = "POSTERN_HANDOVER";

}  // namespace postern::server
