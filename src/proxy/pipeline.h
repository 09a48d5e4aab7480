// The life of one request, from its head to its log line, in one place. One per core.
// Wires call serve() and reject(); steps return a Reply or nothing, only this class writes answers.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "accesslog/access_log.h"
#include "base/random.h"
#include "metrics/core_metrics.h"
#include "net/loop.h"
#include "postern/request_handler.h"
#include "proxy/audit_step.h"
#include "proxy/gate.h"
#include "proxy/request_context.h"

namespace postern::route {
struct Redirect;
struct Forward;
}  // namespace postern::route

namespace postern::proxy {

class Pipeline final : public RequestHandler {
 public:
  Pipeline(net::Loop& loop, metrics::CoreMetrics& metrics, accesslog::CoreLog& log, trace::CoreTracer* tracer = nullptr,
           std::uint32_t core = 0);

  /// From now on requests see this generation; those on the way keep theirs.
  void install(GenerationPin generation) noexcept { generation_ = std::move(generation); }
  [[nodiscard]] const GenerationPin& generation() const noexcept { return generation_; }

  /// Requests are refused from now on, with that Retry-After (digits); empty: no more.
  void shed(std::string_view retry_after) noexcept;

  Task<void> serve(Exchange& exchange) override;
  Task<void> reject(Exchange& exchange, std::uint16_t status, const char* reason) override;
  FramePool& frames() noexcept { return loop_.frames(); }
  Gate& gate() noexcept { return gate_; }
  AuditStep& audit() noexcept { return audit_; }
  [[nodiscard]] std::uint64_t in_flight() const noexcept { return in_flight_; }

 private:
  Task<const Reply*> decide(RequestContext& rc);
  const Reply* refuse(RequestContext& rc) noexcept;
  static const Reply* refuse_unrecorded(RequestContext& rc) noexcept;
  const Reply* route(RequestContext& rc) noexcept;
  const Reply* answer_here(RequestContext& rc) noexcept;
  const Reply* redirect(RequestContext& rc, const route::Redirect& redirect) noexcept;
  bool rewrite_path(RequestContext& rc, const route::Forward& forward);

  void write_reply(RequestContext& rc, const Reply& reply) noexcept;
  std::string_view problem_body(RequestContext& rc, const Reply& reply, http::ResponseHead& head,
                                std::span<char> space) noexcept;
  void begin(RequestContext& rc) noexcept;
  void finish(RequestContext& rc) noexcept;
  void note_drift(const RequestContext& rc) noexcept;
  void log(RequestContext& rc, Nanoseconds duration) noexcept;
  std::string_view date() noexcept;

  net::Loop& loop_;
  metrics::CoreMetrics& metrics_;
  accesslog::CoreLog& log_;
  trace::CoreTracer* const tracer_;  // nullptr: spans go nowhere, whatever the config says
  Gate gate_;
  AuditStep audit_;
  GenerationPin generation_;
  Random random_;
  std::uint64_t in_flight_ = 0;
  std::array<char, 12> retry_after_{};
  std::uint8_t shedding_ = 0;  // how long that is; 0: requests are served
  std::int64_t date_second_ = -1;
  std::array<char, 32> date_text_{};
};

}  // namespace postern::proxy
