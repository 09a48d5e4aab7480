// What the environment says of inherited sockets: either an error and nothing else, or descriptors that are sane, each
// once; and what we write of them reads the same.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "server/inherited.h"

namespace {

using postern::server::HandoverSocket;
using postern::server::InheritedPlan;

void check(const InheritedPlan& plan) {
  if (!plan.error.empty() && (!plan.entries.empty() || plan.ready_fd != -1)) std::abort();
  if (plan.entries.size() > postern::server::kMaxInherited) std::abort();
  std::set<int> seen{plan.ready_fd};
  for (const InheritedPlan::Entry& entry : plan.entries) {
    if (entry.fd < 3 || !seen.insert(entry.fd).second) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const InheritedPlan plan = postern::server::parse_handover(text);
  check(plan);
  if (plan.error.empty()) {
    std::map<std::pair<bool, std::string>, HandoverSocket> sockets;
    for (const InheritedPlan::Entry& entry : plan.entries) {
      HandoverSocket& socket = sockets[{entry.admin, entry.key}];
      socket.key = entry.key;
      socket.admin = entry.admin;
      socket.fds.push_back(entry.fd);
    }
    std::vector<HandoverSocket> list;
    for (auto& [key, socket] : sockets) list.push_back(socket);
    const InheritedPlan again = postern::server::parse_handover(postern::server::write_handover(plan.ready_fd, list));
    if (!again.error.empty() || again.entries.size() != plan.entries.size()) std::abort();
  }
  const std::size_t first = text.find('\n');
  const std::size_t second = first == std::string::npos ? first : text.find('\n', first + 1);
  if (second == std::string::npos) return 0;
  const std::string pid = text.substr(0, first), count = text.substr(first + 1, second - first - 1);
  const std::string names = text.substr(second + 1);
  check(postern::server::parse_listen_fds(pid.c_str(), count.c_str(), names.c_str(), 42));
  return 0;
}
