// The table's part on policies and limits.
#include <array>

#include "config/schema.h"
#include "config/schema_bind.h"
#include "config/syntax.h"

namespace postern::config {
namespace {

constexpr std::array<std::string_view, 7> kLimitKeys{"subject", "group", "api_key", "client",
                                                     "route",   "model", "issuer"};
constexpr Check kName{check_name, "1 to 64 letters, digits, \"-\", \"_\" or \".\""};

constexpr std::array kSections{
    bind::extra<&Settings::policies>("policy[]",
                                     "Who may: refused where a deny rule holds, let in where an allow rule does, "
                                     "otherwise refused."),
    bind::extra<&Settings::role_mappings>("role_mapping[]",
                                          "A role of our own for groups and roles of identity providers."),
    bind::extra<&Settings::limits>("limit[]", "How much: shared by all workers, kept over reloads."),
};

constexpr std::array kKeys{
    KeySpec{.path = "policy[].name",
            .bind = bind::string<&Policy::name>,
            .check = kName,
            .required = true,
            .example = "\"data-scientists\"",
            .doc = "Unique; routes, other policies, logs and metrics use it."},
    KeySpec{.path = "policy[].deny",
            .bind = bind::strings<&Policy::deny>,
            .doc = "Expressions; one that holds refuses the request."},
    KeySpec{.path = "policy[].allow",
            .bind = bind::strings<&Policy::allow>,
            .example = "['groups has \"ml\" and method == \"POST\"']",
            .doc = "Expressions; one that holds lets the request in."},
    KeySpec{.path = "role_mapping[].role",
            .bind = bind::string<&RoleMapping::role>,
            .required = true,
            .example = "\"predictor\"",
            .doc = "What policies and upstreams see among the roles."},
    KeySpec{.path = "role_mapping[].issuer",
            .bind = bind::string<&RoleMapping::issuer>,
            .doc = "Only for tokens of this issuer; empty: any."},
    KeySpec{.path = "role_mapping[].groups",
            .bind = bind::strings<&RoleMapping::groups>,
            .doc = "Members of any of these have it."},
    KeySpec{.path = "role_mapping[].roles",
            .bind = bind::strings<&RoleMapping::roles>,
            .doc = "Whoever has any of these has it."},
    KeySpec{.path = "limit[].name",
            .bind = bind::string<&Limit::name>,
            .check = kName,
            .required = true,
            .example = "\"per-user\"",
            .doc = "Unique; routes, logs and metrics use it."},
    KeySpec{.path = "limit[].per",
            .bind = bind::strings<&Limit::per>,
            .words = kLimitKeys,
            .doc =
                "What is counted apart, together: [\"subject\", \"model\"] for each model of each caller; empty: all "
                "requests are one."},
    KeySpec{.path = "limit[].requests",
            .bind = bind::integer<&Limit::requests>,
            .fallback = "0",
            .max = 1'000'000'000,
            .doc = "Requests in an interval; 0: not limited."},
    KeySpec{.path = "limit[].burst",
            .bind = bind::integer<&Limit::burst>,
            .fallback = "0",
            .max = 1'000'000'000,
            .doc = "Requests at once after a rest; 0: as `requests`."},
    KeySpec{.path = "limit[].body",
            .bind = bind::size<&Limit::body_bytes>,
            .fallback = "0",
            .max = 1ull << 50,
            .doc = "Bytes of request bodies in an interval; 0: not limited."},
    KeySpec{.path = "limit[].concurrent",
            .bind = bind::integer<&Limit::concurrent>,
            .fallback = "0",
            .max = 1'000'000,
            .doc = "Requests at a time; 0: not limited."},
    KeySpec{.path = "limit[].interval",
            .bind = bind::duration<&Limit::interval>,
            .fallback = "1s",
            .min = 100,
            .max = 31ull * 86'400'000,
            .doc = "What `requests` and `body` are for."},
    KeySpec{.path = "limit[].max_keys",
            .bind = bind::integer<&Limit::max_keys>,
            .fallback = "100000",
            .min = 16,
            .max = 10'000'000,
            .doc = "How many are counted apart; beyond that those longest unseen are forgotten."},
};

}  // namespace

SchemaPart policy_schema() { return {kSections, kKeys}; }

}  // namespace postern::config
