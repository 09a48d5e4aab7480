// The table's part on both logs: [log], [access_log], [syslog].
#include <array>

#include "config/log_syntax.h"
#include "config/schema.h"
#include "config/schema_bind.h"
#include "config/share.h"

namespace postern::config {
namespace {

// Words stand in the order of their enum.
constexpr std::array<std::string_view, 4> kLevels{"error", "warn", "info", "debug"};
constexpr std::array<std::string_view, 2> kLogFormats{"logfmt", "json"};
constexpr std::array<std::string_view, 3> kLogOutputs{"stderr", "syslog", "journald"};
constexpr std::array<std::string_view, 4> kNoFiles{"stdout", "stderr", "syslog", "journald"};
constexpr std::array<std::string_view, 4> kFormats{"json", "common", "combined", "template"};
constexpr std::array<std::string_view, 3> kRotate{"never", "hourly", "daily"};
constexpr std::array<std::string_view, 3> kCompress{"none", "gzip", "zstd"};
// RFC 5424, table 1: the index is the facility's number.
constexpr std::array<std::string_view, 24> kFacilities{"kern",   "user",   "mail",   "daemon", "auth",     "syslog",
                                                       "lpr",    "news",   "uucp",   "cron",   "authpriv", "ftp",
                                                       "ntp",    "audit",  "alert",  "clock",  "local0",   "local1",
                                                       "local2", "local3", "local4", "local5", "local6",   "local7"};

constexpr std::array kSections{
    bind::inside<&Settings::log>("log", "The process's own log."),
    bind::inside<&Settings::access_log>("access_log", "One line per request, written off the request path."),
    bind::inside<&Settings::syslog>("syslog", "The syslog server (RFC 5424) of the logs that are sent to \"syslog\"."),
};

constexpr std::array kKeys{
    KeySpec{.path = "log.level",
            .bind = bind::word<&OwnLog::level>,
            .fallback = "info",
            .words = kLevels,
            .doc = "The least important lines that are still written."},
    KeySpec{.path = "log.format",
            .bind = bind::word<&OwnLog::format>,
            .fallback = "logfmt",
            .words = kLogFormats,
            .doc = "key=value pairs, or JSON lines."},
    KeySpec{.path = "log.output",
            .bind = bind::word<&OwnLog::output>,
            .fallback = "stderr",
            .words = kLogOutputs,
            .doc = "Where it goes once the process has started; what is wrong before that is told on standard error."},
    KeySpec{.path = "access_log.path",
            .bind = bind::file_name<&AccessLog::path>,
            .fallback = "",
            .words = kNoFiles,
            .doc = "A file, \"stdout\", \"stderr\", \"syslog\" or \"journald\"; empty: no access log."},
    KeySpec{.path = "access_log.format",
            .bind = bind::word<&AccessLog::format>,
            .fallback = "json",
            .words = kFormats,
            .doc = "JSON lines, the Common or Combined Log Format, or the template."},
    KeySpec{.path = "access_log.template",
            .bind = bind::string<&AccessLog::line_template>,
            .fallback = "",
            .doc =
                "A line as text with {variables}, such as '{client} \"{method} {target}\" {status}'; docs/logs.md has "
                "them all."},
    KeySpec{.path = "access_log.sample",
            .bind = bind::string<&AccessLog::sample>,
            .fallback = "100%",
            .check = {check_share, "a share such as \"1%\""},
            .doc = "How many of the requests that went well are logged; those with an error or a 5xx always are."},
    KeySpec{.path = "access_log.rotate",
            .bind = bind::word<&AccessLog::rotate>,
            .fallback = "never",
            .words = kRotate,
            .doc = "When a new file is begun, by local time; the old one gets the day (and hour) behind its name."},
    KeySpec{.path = "access_log.rotate_size",
            .bind = bind::size<&AccessLog::rotate_size>,
            .fallback = "0",
            .max = 1ull << 50,
            .doc = "A new file is begun before one grows beyond this; 0: whatever the size."},
    KeySpec{.path = "access_log.keep",
            .bind = bind::integer<&AccessLog::keep>,
            .fallback = "30",
            .max = 100'000,
            .doc = "Rotated files that are kept, older ones are deleted; 0: all."},
    KeySpec{.path = "access_log.keep_days",
            .bind = bind::integer<&AccessLog::keep_days>,
            .fallback = "0",
            .max = 36'500,
            .doc = "Rotated files of days longer ago are deleted; 0: however old."},
    KeySpec{.path = "access_log.compress",
            .bind = bind::word<&AccessLog::compress>,
            .fallback = "none",
            .words = kCompress,
            .doc = "What rotated files are compressed with, by a thread of its own at the lowest priority."},
    KeySpec{.path = "access_log.ring",
            .bind = bind::integer<&AccessLog::ring>,
            .fallback = "4096",
            .min = 64,
            .max = 1 << 20,
            .doc = "Lines that may wait for the disk, per worker; further ones are dropped and counted."},
    KeySpec{.path = "syslog.address",
            .bind = bind::string<&Syslog::address>,
            .fallback = "unix:/dev/log",
            .check = {check_syslog_address, "\"unix:/dev/log\", \"udp:host:514\" or \"tcp:host:601\""},
            .doc = "A Unix datagram socket, UDP, or TCP with octet counting (RFC 6587)."},
    KeySpec{.path = "syslog.facility",
            .bind = bind::word<&Syslog::facility>,
            .fallback = "daemon",
            .words = kFacilities,
            .doc = "Facility of the process's own log."},
    KeySpec{.path = "syslog.access_facility",
            .bind = bind::word<&Syslog::access_facility>,
            .fallback = "local0",
            .words = kFacilities,
            .doc = "Facility of the access log."},
    KeySpec{.path = "syslog.tag",
            .bind = bind::string<&Syslog::tag>,
            .fallback = "postern",
            .check = {check_syslog_tag, "1 to 48 visible ASCII characters"},
            .doc = "The program's name in every message; journald gets it too."},
};

}  // namespace

SchemaPart logs_schema() { return {kSections, kKeys}; }

}  // namespace postern::config
