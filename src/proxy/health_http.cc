// Health by request: a fresh connection each time, HTTP/1.1 or HTTP/2 as the upstream speaks; status and body decide.
// Made by the table in health_probe.cc.
#include <array>

#include "net/tls_client_context.h"
#include "net/tls_session.h"
#include "proxy/health_connect.h"
#include "proxy/health_request.h"
#include "wire/h1_client.h"
#include "wire/h2_client.h"

namespace postern::proxy {

using metrics::HealthResult;

namespace {

constexpr std::uint32_t kMaxHeaderBytes = 48 * 1024;

class HttpHealthProbe final : public HealthProbe {
 public:
  HttpHealthProbe(net::Loop& loop, const HealthTarget& target, const upstream::HealthSpec& spec)
      : loop_(loop), target_(target), spec_(spec), connector_(loop, target), request_(loop) {}

  Task<HealthFinding> run() override;
  void cancel() noexcept override {
    connector_.cancel();
    request_.cancel();
  }
  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  Task<HealthFinding> ask(UpstreamExchange& up);
  [[nodiscard]] http::RequestHead head() const noexcept;

  net::Loop& loop_;
  const HealthTarget& target_;
  const upstream::HealthSpec& spec_;
  HealthConnector connector_;
  HealthRequest request_;
};

http::RequestHead HttpHealthProbe::head() const noexcept {
  struct Word {
    http::Method method;
    std::string_view token;
  };
  // In the order of config::HealthMethod.
  constexpr std::array<Word, 4> kWords{{{http::Method::get, "GET"},
                                        {http::Method::head, "HEAD"},
                                        {http::Method::post, "POST"},
                                        {http::Method::options, "OPTIONS"}}};
  const Word& word = kWords[static_cast<std::size_t>(spec_.method)];
  const std::string_view path = spec_.path;
  const std::size_t query = std::min(path.find('?'), path.size());
  http::RequestHead head;
  head.method = word.method;
  head.method_token = word.token;
  head.scheme = target_.tls ? http::Scheme::https : http::Scheme::http;
  head.authority = head.host = target_.authority;
  head.path = path.substr(0, query);
  head.query = path.substr(query);
  head.framing = word.method == http::Method::post ? http::Framing::length : http::Framing::none;
  head.fields.add("user-agent", "postern-health");
  head.fields.add("accept", "*/*");
  return head;
}

Task<HealthFinding> HttpHealthProbe::run() {
  Result<net::Stream> stream = co_await connector_.open(HealthConnector::Tls::as_configured);
  if (!stream) co_return connector_.finding();
  const bool agreed = stream->is_secure() && stream->tls()->alpn() == "h2";
  const bool must = target_.protocol == config::UpstreamProtocol::h2;
  HealthFinding refused;
  refused.result = HealthResult::unreachable;
  refused.detail = "it does not agree to HTTP/2 (ALPN)";
  if (must && stream->is_secure() && !agreed) co_return refused;
  if (!must && !agreed) {
    const std::unique_ptr<UpstreamConnection, Dispose> client(new wire::H1Client(std::move(*stream)));
    co_return co_await ask(client->open());
  }
  wire::H2ClientSettings settings;
  settings.h2.max_header_bytes = kMaxHeaderBytes;
  settings.idle_timeout_ms = spec_.timeout_ms;
  const auto client = std::make_shared<wire::H2Client>(std::move(*stream), settings);
  if (!client->start()) co_return refused;
  const std::unique_ptr<UpstreamConnection, Dispose> lease = client->lease();
  const HealthFinding finding = co_await ask(lease->open());
  client->retire();
  co_return finding;
}

Task<HealthFinding> HttpHealthProbe::ask(UpstreamExchange& up) {
  const http::RequestHead asked = head();
  const std::size_t max_body = spec_.method == config::HealthMethod::head ? 0 : spec_.max_body;
  const Result<void> answered = co_await request_.run(up, asked, {}, max_body);
  HealthFinding finding;
  if (!answered) co_return finding;
  finding.status = up.response().status;
  finding.result = !spec_.expects_status(finding.status)  ? HealthResult::bad_status
                   : !spec_.expects_body(request_.body()) ? HealthResult::bad_body
                                                          : HealthResult::serving;
  co_return finding;
}

}  // namespace

extern constinit const HealthProbeKind kHttpHealth{
    config::HealthKind::http,
    [](net::Loop& loop, const HealthTarget& target, const upstream::HealthSpec& spec) -> std::unique_ptr<HealthProbe> {
      return std::make_unique<HttpHealthProbe>(loop, target, spec);
    }};

}  // namespace postern::proxy
