// See export_worker.h.
#include "trace/export_worker.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <ctime>

#include "base/log.h"
#include "net/tls_client_context.h"
#include "net/tls_material.h"
#include "trace/gzip.h"
#include "trace/retry.h"

namespace postern::trace {
namespace {

constexpr std::int64_t kLookMs = 50;  // between two looks into the rings

std::string describe(const Result<net::HttpResponse>& response, const net::HttpClient& client) {
  if (response) return "status " + std::to_string(response->status);
  std::string why(to_string(response.error().code));
  if (response.error().code == Code::tls) why += ": " + client.tls_error();
  return why;
}

}  // namespace

ExportWorker::ExportWorker(std::vector<ByteRing*> rings, metrics::MetricsRegistry& registry)
    : registry_(registry),
      rings_(std::move(rings)),
      tasks_(loop_.frames()),
      wake_(loop_),
      bound_(
          [](void* self) noexcept {
            auto& worker = *static_cast<ExportWorker*>(self);
            worker.out_of_time_ = true;
            if (worker.client_) worker.client_->cancel();
            worker.wake_.notify();
          },
          this),
      thread_([this] { run(); }) {}

void ExportWorker::configure(std::optional<ExportOptions> options) {
  loop_.post([this, options = std::move(options)]() mutable {
    next_ = std::move(options);
    has_orders_ = true;
    wake_.notify();
  });
}

void ExportWorker::stop(std::chrono::milliseconds bound) noexcept {
  if (!thread_.joinable()) return;
  loop_.post([this, bound] {
    stopping_ = true;
    loop_.set_timer(bound_, std::max<std::int64_t>(bound.count(), 1));
    wake_.notify();
  });
  thread_.join();
}

void ExportWorker::run() {
  ::pthread_setname_np(::pthread_self(), "trace-export");
  const auto busy = boost::asio::make_work_guard(loop_.io());
  tasks_.start(work());
  loop_.run();
  client_.reset();
  loop_.finish();
  library_.leave_thread();
}

Task<void> ExportWorker::work() {
  while (!stopping_) {
    if (has_orders_) {
      if (encoder_ && encoder_->spans() != 0 && works_) co_await send();  // to where they were meant to go
      use(std::exchange(next_, std::nullopt));
    }
    gather();
    if (is_due()) {
      co_await send();
    } else {
      co_await pause(options_ ? kLookMs : 0);
    }
  }
  while (options_ && !out_of_time_) {  // the cores have ended: what is there now is all
    gather();
    if (encoder_->spans() == 0) break;
    co_await send();
  }
  count_leftovers();
  loop_.io().stop();
}

void ExportWorker::use(std::optional<ExportOptions> options) {
  has_orders_ = false;
  count_leftovers();
  options_ = std::move(options);
  encoder_.reset();
  client_.reset();
  if (!options_) return;
  const config::TraceOtlp& otlp = options_->otlp;
  encoder_ = otlp.encoding == config::OtlpEncoding::json ? make_json_encoder(options_->resource)
                                                         : make_protobuf_encoder(options_->resource);
  net::HttpClient::Options http;
  http.origin = config::parse_http_url(otlp.endpoint).value_or(config::HttpUrl());
  http.timeout_ms = otlp.timeout.count();
  std::string error;
  if (http.origin.is_secure && options_->tls_material) {
    http.tls = net::TlsClientContext::make("trace.otlp", tls_of(otlp.tls), config::UpstreamProtocol::http1,
                                           options_->tls_material, library_, error);
  }
  if (!error.empty()) log::error("TLS towards the trace collector", {{"why", error}});
  client_ = std::make_unique<net::HttpClient>(loop_, std::move(http));
}

void ExportWorker::gather() {
  if (!options_) return;
  has_more_ = false;
  for (ByteRing* ring : rings_) {
    ring->refresh();
    for (auto bytes = ring->front(); !bytes.empty(); bytes = ring->front()) {
      if (encoder_->spans() >= options_->otlp.batch) {
        has_more_ = true;
        return;
      }
      SpanRecord record;
      if (encoder_->spans() == 0) oldest_ms_ = coarse_now_ms();
      if (decode(bytes, record)) encoder_->add(record);
      ring->pop();
    }
  }
}

bool ExportWorker::is_due() const noexcept {
  if (!options_ || encoder_->spans() == 0) return false;
  return has_more_ || encoder_->spans() >= options_->otlp.batch ||
         coarse_now_ms() - oldest_ms_ >= options_->otlp.interval.count();
}

net::HttpRequest ExportWorker::request() {
  net::HttpRequest request;
  request.method = "POST";
  request.fields.emplace_back("Content-Type", encoder_->content_type());
  request.body = encoder_->take();
  if (options_->otlp.compression == config::OtlpCompression::gzip) {
    std::string packed = gzip(request.body);
    if (!packed.empty()) {
      request.body = std::move(packed);
      request.fields.emplace_back("Content-Encoding", "gzip");
    }
  }
  for (const auto& [name, value] : options_->otlp.headers) request.fields.emplace_back(name, value);
  return request;
}

Task<void> ExportWorker::send() {
  const std::size_t spans = encoder_->spans();
  const net::HttpRequest batch = request();
  for (unsigned tries = 1;; ++tries) {
    const Result<net::HttpResponse> response = co_await client_->fetch(batch);
    if (settle(response, spans)) co_return;
    const std::string why = describe(response, *client_);
    if (tries == kMaxTries || stopping_) {
      give_up(spans, why);
      co_return;
    }
    registry_.count(metrics::Event::trace_export_retried);
    std::int64_t rest = pause_ms(tries, random_.next());
    if (response) rest = std::max(rest, retry_after_ms(response->find("Retry-After"), ::time(nullptr)).value_or(0));
    const std::int64_t until = coarse_now_ms() + rest;
    for (; !stopping_ && rest > 0; rest = until - coarse_now_ms()) co_await pause(rest);
  }
}

Task<void> ExportWorker::pause(std::int64_t milliseconds) { static_cast<void>(co_await wake_.wait(milliseconds)); }

bool ExportWorker::settle(const Result<net::HttpResponse>& response, std::size_t spans) {
  if (!response) return false;
  if (response->status >= 200 && response->status < 300) {
    const bool is_json = options_->otlp.encoding == config::OtlpEncoding::json;
    const std::uint64_t rejected = std::min<std::uint64_t>(rejected_spans(response->body, is_json), spans);
    registry_.count(metrics::Event::trace_export_ok);
    registry_.count(metrics::Event::spans_exported, spans - rejected);
    registry_.count(metrics::Event::spans_rejected, rejected);
    if (rejected != 0) log::warn("the trace collector refused spans", {{"spans", rejected}});
    if (!std::exchange(works_, true)) log::info("spans are exported again");
    return true;
  }
  if (may_resend(response->status)) return false;
  give_up(spans, "status " + std::to_string(response->status));
  return true;
}

void ExportWorker::give_up(std::size_t spans, const std::string& why) {
  registry_.count(metrics::Event::trace_export_failed);
  registry_.count(metrics::Event::spans_lost, spans);
  if (std::exchange(works_, false)) log::warn("spans cannot be exported", {{"why", why}});
}

/// What will not be sent any more, in the encoder and, at the end, in the rings.
void ExportWorker::count_leftovers() {
  std::size_t left = encoder_ ? encoder_->spans() : 0;
  for (ByteRing* ring : rings_) {
    if (!stopping_) break;
    ring->refresh();
    for (auto bytes = ring->front(); !bytes.empty(); bytes = ring->front()) {
      ++left;
      ring->pop();
    }
  }
  if (left != 0) registry_.count(metrics::Event::spans_lost, left);
}

}  // namespace postern::trace
