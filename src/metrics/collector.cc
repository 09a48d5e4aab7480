// See collector.h.
#include "metrics/collector.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cassert>
#include <initializer_list>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "metrics/process_stats.h"
#include "metrics/table.h"

namespace postern::metrics {
namespace {

constexpr std::size_t kShowAllBelow = 256;  // names of a kind; with more, only those that have counted something
constexpr unsigned kFirstShownOctave = 6;   // 64 us
constexpr std::array<std::string_view, kStatusClasses> kClassNames = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

prometheus::MetricType prometheus_type(Type type) {
  switch (type) {
    case Type::counter:
      return prometheus::MetricType::Counter;
    case Type::gauge:
      return prometheus::MetricType::Gauge;
    case Type::histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::ClientMetric::Histogram shown(const MergedHistogram& merged) {
  prometheus::ClientMetric::Histogram histogram;
  histogram.sample_count = merged.count();
  histogram.sample_sum = static_cast<double>(merged.sum_ns) / 1e9;
  for (unsigned octave = kFirstShownOctave; octave < kOctaves; ++octave) {
    const std::uint64_t edge = std::uint64_t{1} << octave;
    histogram.bucket.push_back({merged.below(edge), static_cast<double>(edge) / 1e6});
  }
  return histogram;
}

/// The families of one scrape, in the table's order.
class Page {
 public:
  using Labels = std::initializer_list<std::string_view>;

  Page() {
    for (const FamilyInfo& family : families()) {
      families_.push_back({std::string(family.name), std::string(family.help), prometheus_type(family.type), {}});
    }
  }

  void add(Family family, Labels values, double value) {
    prometheus::ClientMetric& metric = add_metric(family, values);
    if (info(family).type == Type::counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
  }
  void add(Family family, Labels values, std::uint64_t value) { add(family, values, static_cast<double>(value)); }
  void add(Family family, Labels values, const MergedHistogram& merged) {
    add_metric(family, values).histogram = shown(merged);
  }
  template <class T>
  void add(Family family, const std::optional<T>& value) {
    if (value) add(family, {}, static_cast<double>(*value));
  }

  std::vector<prometheus::MetricFamily> take() && {
    std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
    return std::move(families_);
  }

 private:
  prometheus::ClientMetric& add_metric(Family family, Labels values) {
    prometheus::ClientMetric& metric = families_[static_cast<std::size_t>(family)].metric.emplace_back();
    std::string_view names = info(family).labels;
    for (const std::string_view value : values) {
      assert(!names.empty());
      const std::size_t comma = names.find(',');
      metric.label.push_back({std::string(names.substr(0, comma)), std::string(value)});
      names = comma == std::string_view::npos ? std::string_view{} : names.substr(comma + 1);
    }
    assert(names.empty());
    return metric;
  }

  std::vector<prometheus::MetricFamily> families_;
};

template <std::size_t n>
void sum_into(std::array<std::uint64_t, n>& totals, const std::array<Cell, n>& cells) {
  for (std::size_t i = 0; i < n; ++i) totals[i] += cells[i].get();
}

template <std::size_t n>
std::uint64_t total_of(const std::array<std::uint64_t, n>& values) {
  std::uint64_t total = 0;
  for (const std::uint64_t value : values) total += value;
  return total;
}

/// The reserved names show only once they have counted, all others also before, unless there are very many.
bool is_shown(std::size_t slot, std::size_t names, bool has_counted) {
  return has_counted || (slot > kOtherSlot && names <= kShowAllBelow);
}

using Rows = std::vector<std::unique_ptr<CoreMetrics>>;

void add_route(Page& page, std::string_view name, std::size_t names, std::size_t slot,
               const std::vector<const RouteRow*>& rows) {
  std::array<std::uint64_t, kStatusClasses> classes{};
  std::uint64_t bytes_in = 0, bytes_out = 0;
  MergedHistogram duration;
  for (const RouteRow* row : rows) {
    sum_into(classes, row->requests);
    bytes_in += row->request_bytes.get();
    bytes_out += row->response_bytes.get();
    duration.add(row->duration);
  }
  if (!is_shown(slot, names, total_of(classes) != 0)) return;
  for (std::size_t i = 0; i < kStatusClasses; ++i) page.add(Family::requests, {name, kClassNames[i]}, classes[i]);
  page.add(Family::request_duration, {name}, duration);
  page.add(Family::request_bytes, {name}, bytes_in);
  page.add(Family::response_bytes, {name}, bytes_out);
}

void add_identity(Page& page, const std::vector<AuditTotals>& streams, const std::vector<IssuerTotals>& issuers) {
  for (const AuditTotals& stream : streams) {
    page.add(Family::audit_records, {stream.stream, "written"}, stream.written);
    page.add(Family::audit_records, {stream.stream, "lost"}, stream.lost);
    page.add(Family::audit_records, {stream.stream, "refused"}, stream.refused);
    page.add(Family::audit_syncs, {stream.stream}, stream.syncs);
    page.add(Family::audit_failing, {stream.stream}, std::uint64_t{stream.is_failing});
  }
  for (const IssuerTotals& issuer : issuers) {
    page.add(Family::issuer_keys, {issuer.issuer}, issuer.keys);
    page.add(Family::issuer_fetches, {issuer.issuer, "ok"}, issuer.fetched);
    page.add(Family::issuer_fetches, {issuer.issuer, "failed"}, issuer.failed);
    page.add(Family::issuer_failing, {issuer.issuer}, std::uint64_t{issuer.is_failing});
  }
}

void add_questions(Page& page, const std::vector<IntrospectionTotals>& introspections,
                   const std::vector<DirectoryTotals>& directories) {
  for (const IntrospectionTotals& issuer : introspections) {
    page.add(Family::introspections, {issuer.issuer, "active"}, issuer.active);
    page.add(Family::introspections, {issuer.issuer, "inactive"}, issuer.inactive);
    page.add(Family::introspections, {issuer.issuer, "failed"}, issuer.failed);
    page.add(Family::introspections, {issuer.issuer, "not_asked"}, issuer.not_asked);
    page.add(Family::introspections_waiting, {issuer.issuer}, issuer.waiting);
    page.add(Family::introspection_failing, {issuer.issuer}, std::uint64_t{issuer.is_failing});
  }
  for (const DirectoryTotals& issuer : directories) {
    page.add(Family::directory_lookups, {issuer.issuer, "found"}, issuer.found);
    page.add(Family::directory_lookups, {issuer.issuer, "failed"}, issuer.failed);
    page.add(Family::directory_lookups, {issuer.issuer, "not_asked"}, issuer.not_asked);
  }
}

void add_access(Page& page, std::string_view name, const std::vector<const AccessRow*>& rows) {
  std::array<std::uint64_t, kCount<AccessResult>> access{};
  for (const AccessRow* row : rows) sum_into(access, row->results);
  if (total_of(access) == 0) return;
  for (std::size_t i = 0; i < access.size(); ++i) {
    page.add(Family::access, {name, to_string(static_cast<AccessResult>(i))}, access[i]);
  }
}

/// Each part only where it has anything to show: checks that are made, ejections that have happened.
void add_health(Page& page, std::string_view name, const std::vector<const UpstreamRow*>& rows) {
  std::array<std::uint64_t, kCount<HealthResult>> checks{};
  std::uint64_t unhealthy = 0;
  std::uint64_t panics = 0;
  std::array<std::uint64_t, kCount<Ejection>> ejections{};
  std::uint64_t ejected = 0;
  for (const UpstreamRow* row : rows) {
    sum_into(checks, row->checks);
    unhealthy = std::max(unhealthy, row->unhealthy.get());
    panics += row->panic_picks.get();
    sum_into(ejections, row->ejections);
    ejected = std::max(ejected, row->ejected.get());
  }
  if (total_of(ejections) != 0) {
    for (std::size_t i = 0; i < ejections.size(); ++i) {
      page.add(Family::upstream_ejections, {name, to_string(static_cast<Ejection>(i))}, ejections[i]);
    }
    page.add(Family::upstream_endpoints_ejected, {name}, ejected);
  }
  const bool checked = total_of(checks) != 0;
  if (checked || panics != 0 || total_of(ejections) != 0) page.add(Family::upstream_panic_picks, {name}, panics);
  if (!checked) return;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    page.add(Family::upstream_health_checks, {name, to_string(static_cast<HealthResult>(i))}, checks[i]);
  }
  page.add(Family::upstream_endpoints_unhealthy, {name}, unhealthy);
}

/// What most configs do not ask for shows only where it has counted something.
void add_failures(Page& page, std::string_view name, std::size_t names, std::size_t slot,
                  const std::vector<const UpstreamRow*>& rows) {
  std::array<std::uint64_t, kCount<FailureCause>> failures{};
  std::array<std::uint64_t, kCount<HedgeResult>> hedges{};
  std::array<std::uint64_t, kCount<QueueResult>> queue{};
  std::uint64_t denied = 0, waiting = 0, wait_ns = 0, full = 0, limit = 0;
  for (const UpstreamRow* row : rows) {
    sum_into(failures, row->failures);
    sum_into(hedges, row->hedges);
    sum_into(queue, row->queue);
    denied += row->retries_denied.get();
    waiting += row->queue_waiting.get();
    wait_ns += row->queue_wait_ns.get();
    full += row->full.get();
    limit += row->limit.get();
  }
  if (!is_shown(slot, names, total_of(failures) != 0)) return;
  for (std::size_t i = 0; i < failures.size(); ++i) {
    page.add(Family::responses_5xx, {name, to_string(static_cast<FailureCause>(i))}, failures[i]);
  }
  page.add(Family::upstream_retries_denied, {name}, denied);
  for (std::size_t i = 0; i < hedges.size() && total_of(hedges) != 0; ++i) {
    page.add(Family::upstream_hedges, {name, to_string(static_cast<HedgeResult>(i))}, hedges[i]);
  }
  if (full != 0) page.add(Family::upstream_full, {name}, full);
  if (limit != 0) page.add(Family::upstream_limit, {name}, limit);
  if (total_of(queue) + waiting == 0) return;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    page.add(Family::upstream_queue, {name, to_string(static_cast<QueueResult>(i))}, queue[i]);
  }
  page.add(Family::upstream_queue_waiting, {name}, waiting);
  page.add(Family::upstream_queue_seconds, {name}, static_cast<double>(wait_ns) / 1e9);
}

void add_upstream(Page& page, std::string_view name, std::size_t names, std::size_t slot,
                  const std::vector<const UpstreamRow*>& rows) {
  std::array<std::uint64_t, kStatusClasses> classes{};
  std::array<std::uint64_t, kCount<UpstreamError>> errors{};
  MergedHistogram first_byte;
  const auto sum = [&](Cell UpstreamRow::*cell) {
    std::uint64_t total = 0;
    for (const UpstreamRow* row : rows) total += (row->*cell).get();
    return total;
  };
  for (const UpstreamRow* row : rows) {
    sum_into(classes, row->responses);
    sum_into(errors, row->errors);
    first_byte.add(row->first_byte);
  }
  add_failures(page, name, names, slot, rows);
  const std::uint64_t connects = sum(&UpstreamRow::connects);
  if (!is_shown(slot, names, connects + total_of(classes) + total_of(errors) != 0)) return;
  for (std::size_t i = 0; i < kStatusClasses; ++i) {
    page.add(Family::upstream_responses, {name, kClassNames[i]}, classes[i]);
  }
  for (std::size_t i = 0; i < errors.size(); ++i) {
    page.add(Family::upstream_errors, {name, to_string(static_cast<UpstreamError>(i))}, errors[i]);
  }
  page.add(Family::upstream_first_byte, {name}, first_byte);
  page.add(Family::upstream_connects, {name}, connects);
  page.add(Family::upstream_connect_seconds, {name}, static_cast<double>(sum(&UpstreamRow::connect_ns)) / 1e9);
  page.add(Family::upstream_reuses, {name}, sum(&UpstreamRow::reuses));
  page.add(Family::upstream_retries, {name}, sum(&UpstreamRow::retries));
  page.add(Family::upstream_connections_open, {name}, sum(&UpstreamRow::open));
  page.add(Family::upstream_connections_idle, {name}, sum(&UpstreamRow::idle));
  page.add(Family::upstream_sent_bytes, {name}, sum(&UpstreamRow::bytes_out));
  page.add(Family::upstream_received_bytes, {name}, sum(&UpstreamRow::bytes_in));
  add_health(page, name, rows);
}

void add_listener(Page& page, std::string_view name, std::size_t names, std::size_t slot,
                  const std::vector<const ListenerRow*>& rows) {
  std::array<std::uint64_t, kCount<Rejection>> rejected{};
  std::array<std::uint64_t, kCount<HandshakeFailure>> failed{};
  std::array<std::uint64_t, kCount<H2Event>> events{};
  std::uint64_t accepted = 0, open = 0, full = 0, resumed = 0, h2 = 0;
  for (const ListenerRow* row : rows) {
    sum_into(rejected, row->rejected);
    sum_into(failed, row->handshakes_failed);
    sum_into(events, row->h2_events);
    h2 += row->h2_accepted.get();
    accepted += row->accepted.get();
    open += row->open.get();
    full += row->handshakes_full.get();
    resumed += row->handshakes_resumed.get();
  }
  if (!is_shown(slot, names, accepted + total_of(rejected) != 0)) return;
  page.add(Family::connections, {name}, accepted);
  page.add(Family::connections_open, {name}, open);
  for (std::size_t i = 0; i < rejected.size(); ++i) {
    page.add(Family::connections_rejected, {name, to_string(static_cast<Rejection>(i))}, rejected[i]);
  }
  page.add(Family::tls_handshakes, {name, "full"}, full);
  page.add(Family::tls_handshakes, {name, "resumed"}, resumed);
  for (std::size_t i = 0; i < failed.size(); ++i) {
    page.add(Family::tls_handshake_failures, {name, to_string(static_cast<HandshakeFailure>(i))}, failed[i]);
  }
  page.add(Family::h2_connections, {name}, h2);
  for (std::size_t i = 0; i < events.size(); ++i) {
    page.add(Family::h2_events, {name, to_string(static_cast<H2Event>(i))}, events[i]);
  }
}

/// Calls `add` for each name with the rows of all cores that have grown as far.
template <class Row, class TableOf, class Add>
void for_each_name(const std::vector<std::string>& names, const Rows& cores, TableOf table_of, Add add) {
  std::vector<const Row*> rows;
  for (std::size_t slot = 0; slot < names.size(); ++slot) {
    rows.clear();
    for (const auto& core : cores) {
      if (const Row* row = table_of(*core).find(static_cast<Slot>(slot))) rows.push_back(row);
    }
    add(names[slot], slot, rows);
  }
}

void add_process(Page& page) {
  const ProcessStats stats = read_process_stats();
  page.add(Family::process_cpu, stats.cpu_seconds);
  page.add(Family::process_resident, stats.resident_bytes);
  page.add(Family::process_virtual, stats.virtual_bytes);
  page.add(Family::process_open_fds, stats.open_fds);
  page.add(Family::process_max_fds, stats.max_fds);
  page.add(Family::process_threads, stats.threads);
  page.add(Family::process_start, stats.start_time);
}

void add_daemon(Page& page, const MetricsRegistry& registry) {
  page.add(Family::upgrades, {"ok"}, registry.get(Event::upgrade_ok));
  page.add(Family::upgrades, {"failed"}, registry.get(Event::upgrade_failed));
  page.add(Family::cores_found_stuck, {}, registry.get(Event::core_stuck));
  page.add(Family::cores_stuck, {}, static_cast<double>(registry.get(Gauge::stuck_cores)));
  page.add(Family::overload_stage, {}, static_cast<double>(registry.get(Gauge::overload_stage)));
  const auto ratio = [&](Gauge gauge) { return static_cast<double>(registry.get(gauge)) / 1000; };
  page.add(Family::overload_pressure, {"memory"}, ratio(Gauge::overload_memory_permil));
  page.add(Family::overload_pressure, {"files"}, ratio(Gauge::overload_files_permil));
}

void add_events(Page& page, const MetricsRegistry& registry) {
  page.add(Family::reloads, {"ok"}, registry.get(Event::reload_ok));
  page.add(Family::reloads, {"failed"}, registry.get(Event::reload_failed));
  page.add(Family::certificate_reloads, {"ok"}, registry.get(Event::certificate_reload_ok));
  page.add(Family::certificate_reloads, {"failed"}, registry.get(Event::certificate_reload_failed));
  page.add(Family::access_log_lines, {}, registry.get(Event::access_log_written));
  page.add(Family::access_log_dropped, {"write"}, registry.get(Event::access_log_lost));
  page.add(Family::access_log_blocked, {}, static_cast<double>(registry.get(Gauge::access_log_blocked)));
  page.add(Family::access_log_rotations, {"ok"}, registry.get(Event::access_log_rotated));
  page.add(Family::access_log_rotations, {"failed"}, registry.get(Event::access_log_rotate_failed));
  page.add(Family::access_log_archives, {"ok"}, registry.get(Event::access_log_archived));
  page.add(Family::access_log_archives, {"failed"}, registry.get(Event::access_log_archive_failed));
  page.add(Family::log_dropped, {"repeated"}, log::process().held_back());
  page.add(Family::log_dropped, {"output"}, log::process().lost());
  page.add(Family::trace_spans, {"exported"}, registry.get(Event::spans_exported));
  page.add(Family::trace_spans, {"rejected"}, registry.get(Event::spans_rejected));
  page.add(Family::trace_spans, {"failed"}, registry.get(Event::spans_lost));
  page.add(Family::trace_exports, {"ok"}, registry.get(Event::trace_export_ok));
  page.add(Family::trace_exports, {"retried"}, registry.get(Event::trace_export_retried));
  page.add(Family::trace_exports, {"failed"}, registry.get(Event::trace_export_failed));
  page.add(Family::config_generation, {}, static_cast<double>(registry.get(Gauge::config_generation)));
  page.add(Family::config_loaded, {}, static_cast<double>(registry.get(Gauge::config_loaded_at)));
  page.add(Family::draining, {}, static_cast<double>(registry.get(Gauge::draining)));
}

void add_discovery(Page& page, std::string_view name, const DiscoveryRow& row) {
  page.add(Family::upstream_endpoints, {name}, row.endpoints.load(std::memory_order_relaxed));
  if (!row.used.load(std::memory_order_relaxed)) return;
  for (std::size_t i = 0; i < row.results.size(); ++i) {
    const std::uint64_t count = row.results[i].load(std::memory_order_relaxed);
    page.add(Family::discovery_results, {name, to_string(static_cast<DiscoveryResult>(i))}, count);
  }
  const std::int64_t good_at = row.good_at.load(std::memory_order_relaxed);
  if (good_at != 0) page.add(Family::discovery_age, {name}, static_cast<double>(coarse_now_ms() - good_at) / 1e3);
}

}  // namespace

Collector::Collector(const MetricsRegistry& registry, BuildInfo build)
    : registry_(registry), build_(std::move(build)) {}

std::vector<prometheus::MetricFamily> Collector::Collect() const {
  Page page;
  page.add(Family::build_info, {build_.version, build_.engine}, 1.0);
  {
    // Held for the whole walk: only the control thread takes it besides, while it builds a snapshot.
    const std::lock_guard lock(registry_.mutex_);
    const Rows& cores = registry_.cores_;
    const auto& routes = registry_.routes_.by_slot;
    const auto& upstreams = registry_.upstreams_.by_slot;
    const auto& listeners = registry_.listeners_.by_slot;
    for_each_name<RouteRow>(
        routes, cores, [](const CoreMetrics& core) -> const auto& { return core.routes_; },
        [&](std::string_view name, std::size_t slot, const auto& rows) {
          add_route(page, name, routes.size(), slot, rows);
        });
    for_each_name<AccessRow>(
        routes, cores, [](const CoreMetrics& core) -> const auto& { return core.access_; },
        [&](std::string_view name, std::size_t, const auto& rows) { add_access(page, name, rows); });
    for_each_name<UpstreamRow>(
        upstreams, cores, [](const CoreMetrics& core) -> const auto& { return core.upstreams_; },
        [&](std::string_view name, std::size_t slot, const auto& rows) {
          add_upstream(page, name, upstreams.size(), slot, rows);
        });
    for_each_name<ListenerRow>(
        listeners, cores, [](const CoreMetrics& core) -> const auto& { return core.listeners_; },
        [&](std::string_view name, std::size_t slot, const auto& rows) {
          add_listener(page, name, listeners.size(), slot, rows);
        });

    for (const auto& [name, row] : registry_.discovery_) add_discovery(page, name, row);

    std::array<std::uint64_t, kCount<Reason>> reasons{};
    std::array<std::uint64_t, CoreMetrics::kCodes> codes{};
    std::array<std::uint64_t, kCount<Shed>> shed{};
    std::array<std::uint64_t, kCount<CredentialResult>> credentials{};
    MergedHistogram lag;
    std::uint64_t in_flight = 0, dropped = 0, spans_dropped = 0, sampled_out = 0;
    for (std::size_t i = 0; i < cores.size(); ++i) {
      const auto& core = cores[i];
      sum_into(shed, core->shed_);
      lag.add(core->loop_lag_);
      page.add(Family::core_loop_lag, {std::to_string(i)}, static_cast<double>(core->last_lag_ns_.get()) / 1e9);
      sum_into(reasons, core->reasons_);
      sum_into(credentials, core->credentials_);
      sum_into(codes, core->codes_);
      in_flight += core->in_flight_.get();
      dropped += core->access_log_dropped_.get();
      sampled_out += core->access_log_sampled_out_.get();
      spans_dropped += core->spans_dropped_.get();
    }
    page.add(Family::workers, {}, std::uint64_t{cores.size()});
    page.add(Family::loop_lag, {}, lag);
    for (std::size_t i = 0; i < shed.size(); ++i) {
      page.add(Family::overload_shed, {to_string(static_cast<Shed>(i))}, shed[i]);
    }
    page.add(Family::requests_in_flight, {}, in_flight);
    page.add(Family::access_log_dropped, {"ring"}, dropped);
    page.add(Family::access_log_sampled_out, {}, sampled_out);
    page.add(Family::trace_spans, {"dropped"}, spans_dropped);
    add_identity(page, registry_.audit_, registry_.issuers_);
    add_questions(page, registry_.introspections_, registry_.directories_);
    for (const DriftRatio& drift : registry_.drift_) {
      page.add(Family::latency_drift, {drift.upstream, drift.model, "0.5"}, drift.median);
      page.add(Family::latency_drift, {drift.upstream, drift.model, "0.95"}, drift.p95);
    }
    for (std::size_t i = 1; i < reasons.size(); ++i) {
      page.add(Family::request_errors, {to_string(static_cast<Reason>(i))}, reasons[i]);
    }
    for (std::size_t i = 0; i < credentials.size(); ++i) {
      page.add(Family::credentials, {to_string(static_cast<CredentialResult>(i))}, credentials[i]);
    }
    for (std::size_t i = 100; i < codes.size(); ++i) {
      if (codes[i] != 0) page.add(Family::responses_by_code, {std::to_string(i)}, codes[i]);
    }
  }
  add_events(page, registry_);
  add_daemon(page, registry_);
  add_process(page);
  return std::move(page).take();
}

std::string to_text(const prometheus::Collectable& source) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, source.Collect());
  return std::move(out).str();
}

}  // namespace postern::metrics
