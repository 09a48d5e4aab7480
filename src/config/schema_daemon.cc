// The table's part on the process's own survival: overload, watchdog, upgrade.
#include <array>

#include "config/schema.h"
#include "config/schema_bind.h"

namespace postern::config {
namespace {

constexpr std::array<std::string_view, 3> kActions{"auto", "log", "abort"};  // in the order of the enum
constexpr std::uint64_t kHour = 3'600'000;

constexpr std::array kSections{
    bind::inside<&Settings::overload>("overload",
                                      "What is given up, and in which order, when memory, descriptors or time run out. "
                                      "A stage ends when all values are a tenth below its marks."),
    bind::inside<&Overload::close_idle>("overload.close_idle",
                                        "The first stage: connections without a request are closed, others are not "
                                        "kept for a second one."),
    bind::inside<&Overload::refuse_connections>("overload.refuse_connections",
                                                "The second stage: new connections are closed as well."),
    bind::inside<&Overload::refuse_requests>("overload.refuse_requests",
                                             "The third stage: requests are answered with 503 as well."),
    bind::inside<&Settings::watchdog>("watchdog", "What happens when a worker's event loop stands still."),
    bind::inside<&Settings::upgrade>("upgrade", "Replacing the running binary without losing a connection (SIGUSR2)."),
};

constexpr KeySpec percent(std::string_view path, Binding bind, std::string_view fallback, std::string_view doc) {
  KeySpec key;
  key.path = path;
  key.bind = bind;
  key.fallback = fallback;
  key.max = 100;
  key.doc = doc;
  return key;
}
constexpr KeySpec lag(std::string_view path, std::string_view fallback) {
  KeySpec key;
  key.path = path;
  key.bind = bind::duration<&OverloadStage::lag>;
  key.fallback = fallback;
  key.max = kHour;
  key.doc = "How late the event loops of half of the workers are when the stage begins; 0: lateness does not matter.";
  return key;
}
constexpr KeySpec memory(std::string_view path, std::string_view fallback) {
  return percent(path, bind::integer<&OverloadStage::memory>, fallback,
                 "Percent of the memory limit that are resident when the stage begins; 0: memory does not matter.");
}
constexpr KeySpec files(std::string_view path, std::string_view fallback) {
  return percent(path, bind::integer<&OverloadStage::files>, fallback,
                 "Percent of the allowed descriptors that are open when the stage begins; 0: they do not matter.");
}

constexpr std::array kKeys{
    KeySpec{.path = "overload.enabled",
            .bind = bind::boolean<&Overload::enabled>,
            .fallback = "true",
            .doc = "Whether anything is given up at all; false: only the kernel's limits remain."},
    KeySpec{.path = "overload.memory_limit",
            .bind = bind::size<&Overload::memory_limit>,
            .fallback = "0",
            .max = 1ull << 50,
            .doc = "Resident memory that counts as full; 0: the limit of the cgroup, or the machine's memory."},
    KeySpec{.path = "overload.retry_after",
            .bind = bind::duration<&Overload::retry_after>,
            .fallback = "2s",
            .min = 1000,
            .max = kHour,
            .doc = "What the third stage's answers say in Retry-After, in whole seconds."},
    memory("overload.close_idle.memory", "85"),
    files("overload.close_idle.files", "80"),
    memory("overload.refuse_connections.memory", "92"),
    files("overload.refuse_connections.files", "90"),
    lag("overload.refuse_connections.lag", "2s"),
    memory("overload.refuse_requests.memory", "96"),
    files("overload.refuse_requests.files", "97"),
    lag("overload.refuse_requests.lag", "5s"),
    KeySpec{.path = "watchdog.stuck_after",
            .bind = bind::duration<&Watchdog::stuck_after>,
            .fallback = "10s",
            .max = kHour,
            .doc = "How long a worker's event loop may stand still before that is an error; 0: for ever. At least 1s."},
    KeySpec{.path = "watchdog.action",
            .bind = bind::word<&Watchdog::action>,
            .fallback = "auto",
            .words = kActions,
            .doc = "What is done about it besides an error in the log: nothing, or end at once with SIGABRT; auto: end "
                   "where somebody starts the process again, which is under systemd and as a container's first "
                   "process."},
    KeySpec{
        .path = "upgrade.ready_timeout",
        .bind = bind::duration<&Upgrade::ready_timeout>,
        .fallback = "30s",
        .min = 100,
        .max = kHour,
        .doc = "How long the new process may take until it serves; after that it is ended and the old one goes on."},
};

}  // namespace

SchemaPart daemon_schema() { return {kSections, kKeys}; }

}  // namespace postern::config
