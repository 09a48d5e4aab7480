#include "proxy/health_probe.h"

#include <algorithm>
#include <array>

#include "grpc/health.h"
#include "proxy/dial.h"
#include "wire/h2_client.h"

namespace postern::proxy {

using metrics::HealthResult;

namespace {

/// A health answer has a handful of short fields.
constexpr std::uint32_t kMaxHeaderBytes = 16 * 1024;
constexpr int kMaxInterim = 10;
constexpr Error kTooMuch{Code::too_large, Side::upstream, Retry::never};

std::string request_for(std::string_view service) {
  std::array<char, grpc::kHealthRequestMax> space{};
  return std::string(grpc::write_health_request(service, space));
}

HealthResult result_of(grpc::Serving serving) noexcept {
  switch (serving) {
    case grpc::Serving::serving:
      return HealthResult::serving;
    case grpc::Serving::service_unknown:
      return HealthResult::unknown_service;
    case grpc::Serving::unknown:
    case grpc::Serving::not_serving:
      break;
  }
  return HealthResult::not_serving;
}

}  // namespace

GrpcHealthProbe::GrpcHealthProbe(net::Loop& loop, upstream::Cluster& cluster, upstream::Endpoint& endpoint)
    : loop_(loop),
      cluster_(cluster),
      endpoint_(endpoint),
      spec_(*cluster.health()),
      request_(request_for(spec_.service)),
      timeout_text_(std::to_string(spec_.timeout_ms) + "m"),
      deadline_([](void* self) noexcept { static_cast<GrpcHealthProbe*>(self)->on_timeout(); }, this) {
  answer_.reserve(grpc::kHealthResponseMax);
}

GrpcHealthProbe::~GrpcHealthProbe() = default;

Task<HealthResult> GrpcHealthProbe::run() {
  const bool kept = client_ && client_->has_room();
  if (!kept) {
    const HealthResult connected = co_await connect();
    if (connected != HealthResult::serving) co_return connected;
  }
  HealthResult result = co_await ask();
  // Closed by the server while it rested: that says nothing about its health.
  if (kept && result == HealthResult::failed && last_error_.retry != Retry::never) {
    result = co_await connect();
    if (result == HealthResult::serving) result = co_await ask();
  }
  // A connection that did not bring an answer is not to be trusted with the next question.
  if (last_error_.code != Code::ok) client_.reset();
  co_return result;
}

Task<HealthResult> GrpcHealthProbe::connect() {
  client_.reset();
  Result<net::Stream> stream = co_await open_stream(loop_, cluster_, endpoint_, spec_.timeout_ms);
  if (!stream) co_return stream.error().code == Code::timeout ? HealthResult::timeout : HealthResult::unreachable;
  const Result<bool> h2 = speaks_h2(*stream, cluster_, endpoint_);
  if (!h2 || !*h2) co_return HealthResult::unreachable;
  wire::H2ClientSettings settings;
  settings.h2.max_header_bytes = kMaxHeaderBytes;
  settings.idle_timeout_ms = 2 * (spec_.interval_ms + spec_.timeout_ms);
  client_ = std::make_shared<wire::H2Client>(std::move(*stream), settings);
  if (client_->start()) co_return HealthResult::serving;
  client_.reset();
  co_return HealthResult::failed;
}

Task<HealthResult> GrpcHealthProbe::ask() {
  if (cancelled_) co_return HealthResult::failed;
  const std::unique_ptr<UpstreamConnection, Dispose> lease = client_->lease();
  UpstreamExchange& up = lease->open();
  timed_out_ = false;
  running_ = &up;
  loop_.set_timer(deadline_, spec_.timeout_ms);
  const Result<void> answered = co_await call(up);
  deadline_.clear();
  running_ = nullptr;
  last_error_ = answered ? Error{Code::ok} : answered.error();
  if (timed_out_) co_return HealthResult::timeout;
  co_return answered ? judge(up) : HealthResult::failed;
}

Task<Result<void>> GrpcHealthProbe::call(UpstreamExchange& up) {
  http::RequestHead head;
  head.method = http::Method::post;
  head.method_token = "POST";
  head.authority = head.host = endpoint_.authority();
  head.path = grpc::kHealthPath;
  head.framing = http::Framing::length;
  head.content_length = request_.size();
  head.accepts_trailers = true;
  head.fields.add("content-type", "application/grpc");
  head.fields.add("grpc-timeout", timeout_text_);
  head.fields.add("user-agent", "postern");
  up.start_request(head);
  BodySink& sink = up.request_body();
  sink.put(request_);
  if (sink.wants_flush()) {
    const Result<void> sent = co_await sink.flush();
    if (!sent) co_return sent;
  }
  sink.finish(nullptr);
  static_cast<void>(sink.try_flush());  // it goes out with the batch; the answer tells whether it arrived
  co_return co_await read_answer(up);
}

Task<Result<void>> GrpcHealthProbe::read_answer(UpstreamExchange& up) {
  answer_.clear();
  for (int heads = 0;; ++heads) {
    const Result<void> got = co_await up.read_head();
    if (!got) co_return got;
    if (up.response().status >= 200) break;
    if (heads == kMaxInterim) co_return kTooMuch;
  }
  BodySource& body = up.response_body();
  for (;;) {
    for (std::string_view bytes = body.peek(); !bytes.empty(); bytes = body.peek()) {
      if (answer_.size() + bytes.size() > grpc::kHealthResponseMax) co_return kTooMuch;
      answer_ += bytes;
      body.consume(bytes.size());
    }
    if (body.at_end()) co_return Result<void>();
    const Result<void> filled = co_await body.fill();
    if (!filled) co_return filled;
  }
}

HealthResult GrpcHealthProbe::judge(UpstreamExchange& up) const noexcept {
  const http::ResponseHead& head = up.response();
  if (head.status != 200) return HealthResult::failed;
  std::string_view status = head.fields.find("grpc-status");  // an answer without a message is a head alone
  if (!status.data()) status = up.response_body().trailers().find("grpc-status");
  if (status == "5") return HealthResult::unknown_service;
  if (status == "12") return HealthResult::unimplemented;
  if (status == "4") return HealthResult::timeout;
  if (status != "0") return HealthResult::failed;
  const Result<grpc::Serving> serving = grpc::parse_health_response(answer_);
  return serving ? result_of(*serving) : HealthResult::failed;
}

void GrpcHealthProbe::on_timeout() noexcept {
  timed_out_ = true;
  if (running_) running_->cancel(Error{Code::timeout, Side::upstream, Retry::never});
}

void GrpcHealthProbe::cancel() noexcept {
  cancelled_ = true;
  if (running_) running_->cancel(Error{Code::cancelled, Side::self, Retry::never});
}

}  // namespace postern::proxy
