// Health by gRPC: grpc.health.v1.Health/Check on an HTTP/2 connection that is kept from one look to the next.
// Made by the table in health_probe.cc.
#include <array>

#include "grpc/health.h"
#include "net/tls_client_context.h"
#include "net/tls_session.h"
#include "proxy/health_connect.h"
#include "proxy/health_request.h"
#include "wire/h2_client.h"

namespace postern::proxy {

using metrics::HealthResult;

namespace {

/// A health answer has a handful of short fields.
constexpr std::uint32_t kMaxHeaderBytes = 16 * 1024;

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

HealthFinding found(HealthResult result) noexcept {
  HealthFinding finding;
  finding.result = result;
  return finding;
}

class GrpcHealthProbe final : public HealthProbe {
 public:
  GrpcHealthProbe(net::Loop& loop, const HealthTarget& target, const upstream::HealthSpec& spec)
      : loop_(loop),
        target_(target),
        spec_(spec),
        connector_(loop, target),
        request_(loop),
        body_(request_for(spec.service)),
        timeout_text_(std::to_string(spec.timeout_ms) + "m") {}

  Task<HealthFinding> run() override;
  void cancel() noexcept override {
    connector_.cancel();
    request_.cancel();
  }
  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  Task<HealthFinding> connect();
  Task<HealthFinding> ask();
  [[nodiscard]] HealthResult judge(UpstreamExchange& up) const noexcept;

  net::Loop& loop_;
  const HealthTarget& target_;
  const upstream::HealthSpec& spec_;
  HealthConnector connector_;
  HealthRequest request_;
  const std::string body_;
  const std::string timeout_text_;  // of grpc-timeout
  std::shared_ptr<wire::H2Client> client_;
  Error last_error_{Code::ok};
};

Task<HealthFinding> GrpcHealthProbe::run() {
  const bool kept = client_ && client_->has_room();
  if (!kept) {
    const HealthFinding connected = co_await connect();
    if (!client_) co_return connected;
  }
  HealthFinding finding = co_await ask();
  // Closed by the server while it rested: that says nothing about its health.
  if (kept && finding.result == HealthResult::failed && last_error_.retry != Retry::never) {
    finding = co_await connect();
    if (client_) finding = co_await ask();
  }
  // A connection that did not bring an answer is not to be trusted with the next question.
  if (last_error_.code != Code::ok) client_.reset();
  co_return finding;
}

Task<HealthFinding> GrpcHealthProbe::connect() {
  client_.reset();
  Result<net::Stream> stream = co_await connector_.open(HealthConnector::Tls::as_configured);
  if (!stream) co_return connector_.finding();
  // Nothing else would do; without TLS it is prior knowledge.
  if (stream->is_secure() && stream->tls()->alpn() != "h2") {
    HealthFinding refused = found(HealthResult::unreachable);
    refused.detail = "it does not agree to HTTP/2 (ALPN)";
    co_return refused;
  }
  wire::H2ClientSettings settings;
  settings.h2.max_header_bytes = kMaxHeaderBytes;
  settings.idle_timeout_ms = 2 * (spec_.interval_ms + spec_.timeout_ms);
  client_ = std::make_shared<wire::H2Client>(std::move(*stream), settings);
  if (!client_->start()) client_.reset();
  co_return found(HealthResult::failed);
}

Task<HealthFinding> GrpcHealthProbe::ask() {
  const std::unique_ptr<UpstreamConnection, Dispose> lease = client_->lease();
  UpstreamExchange& up = lease->open();
  http::RequestHead head;
  head.method = http::Method::post;
  head.method_token = "POST";
  head.scheme = target_.tls ? http::Scheme::https : http::Scheme::http;
  head.authority = head.host = target_.authority;
  head.path = grpc::kHealthPath;
  head.framing = http::Framing::length;
  head.content_length = body_.size();
  head.accepts_trailers = true;
  head.fields.add("content-type", "application/grpc");
  head.fields.add("grpc-timeout", timeout_text_);
  head.fields.add("user-agent", "postern");
  const Result<void> answered = co_await request_.run(up, head, body_, grpc::kHealthResponseMax);
  last_error_ = answered ? Error{Code::ok} : answered.error();
  if (answered && !request_.is_whole()) last_error_ = {Code::too_large, Side::upstream, Retry::never};
  co_return found(last_error_.code == Code::ok ? judge(up) : HealthResult::failed);
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
  const Result<grpc::Serving> serving = grpc::parse_health_response(request_.body());
  return serving ? result_of(*serving) : HealthResult::failed;
}

}  // namespace

extern constinit const HealthProbeKind kGrpcHealth{
    config::HealthKind::grpc,
    [](net::Loop& loop, const HealthTarget& target, const upstream::HealthSpec& spec) -> std::unique_ptr<HealthProbe> {
      return std::make_unique<GrpcHealthProbe>(loop, target, spec);
    }};

}  // namespace postern::proxy
