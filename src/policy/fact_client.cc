// Compared with addresses and networks. IPv4 in IPv6 counts as IPv4. Not known for clients on a Unix socket.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kClientFact;
constinit const FactKind kClientFact{.name = "client",
                                     .doc = "The client's IP address, as trusted proxies report it.",
                                     .type = FactType::address,
                                     .read = [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                       out.address = http::unmapped(input.client);
                                       out.known = out.address.is_known();
                                     }};

}  // namespace postern::policy
