// In either case and without its port, as routes match it.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kHostFact;
constinit const FactKind kHostFact{
    .name = "host",
    .doc = "The host that the client asked for, without port.",
    .type = FactType::text,
    .fold_case = true,
    .refuse = [](std::string_view text, bool whole) noexcept -> const char* {
      if (text.find('/') != text.npos) return "a host is meant, without scheme and path";
      if (!whole || text.starts_with('[')) return nullptr;
      if (text.find(':') != text.npos) return "hosts are compared without their port";
      return text.ends_with('.') ? "hosts are compared without a dot at their end" : nullptr;
    },
    .read =
        [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
          // "[::1]:80" keeps its brackets and loses the port. A dot at the end means the same host.
          const std::size_t from = input.host.starts_with('[') ? input.host.find(']') : 0;
          out.text = input.host.substr(0, from == input.host.npos ? from : input.host.find(':', from));
          if (out.text.ends_with('.')) out.text.remove_suffix(1);
          out.known = !out.text.empty();
        }};

}  // namespace postern::policy
