// Arbitrary bytes as what Microsoft's endpoints answer: nothing crashes, groups are few and have proper ids, and a next
// page is on the same origin.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "identity/graph_answer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const identity::ClientToken token = identity::parse_client_token(text);
  if (token.error.empty() != !token.text.reveal().empty()) std::abort();
  if (token.text.reveal().find_first_of("\r\n ") != std::string_view::npos) std::abort();
  const config::HttpUrl origin = *config::parse_http_url("https://graph.microsoft.com/v1.0");
  std::vector<std::string> groups;
  const identity::GroupsPage page = identity::parse_groups_page(text, origin, groups);
  if (groups.size() > identity::kMostGraphGroups) std::abort();
  for (const std::string& group : groups) {
    if (!identity::is_guid(group)) std::abort();
  }
  if (!page.next.empty() && (!page.error.empty() || page.next.front() != '/')) std::abort();
  return 0;
}
