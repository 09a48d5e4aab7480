// The table's part on the audit trail.
#include <array>

#include "config/schema.h"
#include "config/schema_bind.h"
#include "config/syntax.h"

namespace postern::config {
namespace {

// Words stand in the order of their enum.
constexpr std::array<std::string_view, 3> kRouteAudit{"off", "outcome", "intent"};
constexpr std::array<std::string_view, 3> kSync{"none", "interval", "group"};
constexpr Check kName{check_name, "1 to 64 letters, digits, \"-\", \"_\" or \".\""};

constexpr std::array kSections{
    bind::extra<&Settings::audit>("audit[]",
                                  "A trail of who did what: records chained by hashes, so that `postern audit "
                                  "verify` finds what was changed, removed or moved."),
};

constexpr std::array kKeys{
    KeySpec{.path = "audit[].name",
            .bind = bind::string<&AuditStream::name>,
            .check = kName,
            .required = true,
            .example = "\"main\"",
            .doc = "Unique; logs and metrics use it."},
    KeySpec{.path = "audit[].file",
            .bind = bind::file_name<&AuditStream::file>,
            .required = true,
            .example = "\"/var/log/postern/audit.jsonl\"",
            .doc = "Where the records go, a JSON object per line."},
    KeySpec{.path = "audit[].listeners",
            .bind = bind::strings<&AuditStream::listeners>,
            .doc = "Listeners whose requests it records; empty: those that no other stream names."},
    KeySpec{.path = "audit[].sync",
            .bind = bind::word<&AuditStream::sync>,
            .fallback = "group",
            .words = kSync,
            .doc = "When records reach the disk: when the system likes, each sync_interval, or before a request whose "
                   "intent is recorded goes on (one fsync for all that wait)."},
    KeySpec{.path = "audit[].sync_interval",
            .bind = bind::duration<&AuditStream::sync_interval>,
            .fallback = "1s",
            .min = 10,
            .max = 60'000,
            .doc = "For sync = \"interval\"."},
    KeySpec{.path = "audit[].key_file",
            .bind = bind::file_name<&AuditStream::key_file>,
            .doc = "Ed25519 key that signs checkpoints, PEM; empty: they are not signed."},
    KeySpec{.path = "audit[].checkpoint_records",
            .bind = bind::integer<&AuditStream::checkpoint_records>,
            .fallback = "10000",
            .min = 1,
            .max = 1'000'000,
            .doc = "A checkpoint stands after so many records at the latest."},
    KeySpec{.path = "audit[].checkpoint_interval",
            .bind = bind::duration<&AuditStream::checkpoint_interval>,
            .fallback = "10s",
            .min = 100,
            .max = 86'400'000,
            .doc = "And after this long, where there are new records."},
    KeySpec{.path = "audit[].rotate_size",
            .bind = bind::size<&AuditStream::rotate_size>,
            .fallback = "0",
            .max = 1ull << 50,
            .doc = "A file of this size is closed and a new one goes on with the chain; 0: never for its size."},
    KeySpec{.path = "audit[].rotate_daily",
            .bind = bind::boolean<&AuditStream::rotate_daily>,
            .fallback = "false",
            .doc = "Whether each day (UTC) has a file of its own."},
    KeySpec{.path = "audit[].keep",
            .bind = bind::integer<&AuditStream::keep>,
            .fallback = "0",
            .max = 100'000,
            .doc = "Closed files that are kept; 0: all."},
    KeySpec{.path = "route[].audit",
            .bind = bind::word<&Route::audit>,
            .fallback = "off",
            .words = kRouteAudit,
            .doc = "What is recorded: nothing, every decision with its outcome, or the intent as well, before the "
                   "request is forwarded."},
    KeySpec{.path = "route[].audit_required",
            .bind = bind::boolean<&Route::audit_required>,
            .fallback = "true",
            .doc = "Whether requests whose intent cannot be recorded are refused (503)."},
};

}  // namespace

SchemaPart audit_schema() { return {kSections, kKeys}; }

}  // namespace postern::config
