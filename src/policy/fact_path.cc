// What routes matched, compared as decoded.
#include "postern/policy_fact.h"

namespace postern::policy {

extern const FactKind kPathFact;
constinit const FactKind kPathFact{.name = "path",
                                   .doc = "The path, normalised and without query.",
                                   .type = FactType::text,
                                   .escaped = true,
                                   .refuse = [](std::string_view text, bool) noexcept -> const char* {
                                     return text.starts_with('/') ? nullptr : "paths begin with \"/\"";
                                   },
                                   .read =
                                       [](const PolicyInput& input, std::string_view, FactValue& out) noexcept {
                                         // A path that holds an encoded slash means one thing to some servers and
                                         // another thing to the rest.
                                         for (std::size_t at = input.path.find('%'); at != input.path.npos;
                                              at = input.path.find('%', at + 1)) {
                                           if (input.path.substr(at, 3) == "%2F") return;
                                         }
                                         out.text = input.path;
                                         out.known = !out.text.empty();
                                       }};

}  // namespace postern::policy
