// What routes matched, compared as decoded. Not known where a server could read another path out of it.
#include "policy/path_text.h"
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
                                         if (has_encoded_slash(input.path) || has_parameters(input.path)) return;
                                         out.text = input.path;
                                         out.known = !out.text.empty();
                                       }};

}  // namespace postern::policy
