// The table's part on latency drift: when an upstream's answers count as slower than they used to be.
#include <array>

#include "config/schema.h"
#include "config/schema_bind.h"

namespace postern::config {
namespace {

constexpr std::uint64_t kHour = 3'600'000;

constexpr std::array kSections{
    bind::optional<&Settings::drift>("drift",
                                     "Compares how long upstreams take now with how long they used to take, for each "
                                     "upstream and each {model} of a route; without this table nothing is compared."),
};

constexpr std::array kKeys{
    KeySpec{.path = "drift.interval",
            .bind = bind::duration<&Drift::interval>,
            .fallback = "10s",
            .min = 100,
            .max = kHour,
            .doc = "How often they are compared."},
    KeySpec{.path = "drift.fast",
            .bind = bind::duration<&Drift::fast>,
            .fallback = "2m",
            .min = 100,
            .max = 24 * kHour,
            .doc = "What \"now\" means: after this time a request counts half."},
    KeySpec{.path = "drift.slow",
            .bind = bind::duration<&Drift::slow>,
            .fallback = "6h",
            .min = 1000,
            .max = 30 * 24 * kHour,
            .doc = "The same for what they used to take; at least four times `fast`."},
    KeySpec{.path = "drift.part_percent",
            .bind = bind::integer<&Drift::part_percent>,
            .fallback = "150",
            .min = 101,
            .max = 10'000,
            .doc = "Median or 95th percentile, in percent of what it was, above which a warning is logged."},
    KeySpec{.path = "drift.meet_percent",
            .bind = bind::integer<&Drift::meet_percent>,
            .fallback = "120",
            .min = 100,
            .max = 10'000,
            .doc = "Both below this: all is well again. Not above part_percent."},
    KeySpec{.path = "drift.min_requests",
            .bind = bind::integer<&Drift::min_requests>,
            .fallback = "100",
            .min = 10,
            .max = 1'000'000,
            .doc = "Fewer recent requests say nothing; what they used to take needs ten times as many."},
    KeySpec{.path = "drift.max_models",
            .bind = bind::integer<&Drift::max_models>,
            .fallback = "50",
            .max = 200,
            .doc = "Models told apart, per upstream; the first ones that are answered with success, the rest count as "
                   "\"_other\"."},
};

}  // namespace

SchemaPart drift_schema() { return {kSections, kKeys}; }

}  // namespace postern::config
