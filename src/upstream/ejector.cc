#include "upstream/ejector.h"

#include <fmt/format.h>

#include "base/log.h"

namespace postern::upstream {

namespace {

std::string_view words_for(TryOutcome outcome) noexcept {
  switch (outcome) {
    case TryOutcome::connect_failed:
      return "no connection";
    case TryOutcome::reset:
      return "broken off";
    case TryOutcome::timeout:
      return "no answer in time";
    case TryOutcome::error_status:
      return "an error status";
    case TryOutcome::ok:
    case TryOutcome::cancelled:
      break;
  }
  return "";
}

}  // namespace

void announce(const EjectionEvent& event, const std::string& upstream, std::string_view why,
              metrics::UpstreamRow& metrics) noexcept {
  if (event.back) {
    log::info("endpoint is back from ejection", {{"upstream", upstream}, {"endpoint", event.endpoint}});
    return;
  }
  metrics.ejections[static_cast<std::size_t>(event.reason)].add();
  log::warn("endpoint is ejected",
            {{"upstream", upstream}, {"endpoint", event.endpoint}, {"why", why}, {"for_ms", event.for_ms}});
}

// Under a lasting failure that nobody may be ejected for any more, only every n-th one looks at the whole upstream.
void Ejector::failed(EndpointState& state, TryOutcome outcome, Nanoseconds now) noexcept {
  const std::uint32_t in_a_row = state.outlier().fail();
  const std::uint32_t most = spec_.consecutive_failures;
  if (!spec_.enabled || most == 0 || in_a_row % most != 0) return;
  const std::optional<EjectionEvent> event =
      eject_for_failures(*upstream_, state, spec_, now / 1'000'000, random_.next());
  if (!event) return;
  announce(*event, upstream_->name(), fmt::format("{} failures in a row, the last: {}", in_a_row, words_for(outcome)),
           metrics_);
}

}  // namespace postern::upstream
