#include "identity/introspection_client.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "net/tls_client_context.h"
#include "net/tls_material.h"

namespace postern::identity {
namespace {

using Kind = IntrospectionAnswer::Kind;

/// Everything that a question depends on, but for the secret.
auto source_of(const config::Issuer& issuer) noexcept {
  return std::tie(issuer.name, issuer.introspection_url, issuer.introspection_client_id, issuer.ca,
                  issuer.allow_private, issuer.allow_http);
}

}  // namespace

IntrospectionClient::IntrospectionClient(net::Loop& loop, const config::Issuer& issuer, crypto::SecretText secret,
                                         std::shared_ptr<const net::TlsMaterial> material,
                                         const crypto::Library& library)
    : loop_(loop),
      issuer_(issuer),
      secret_(std::move(secret)),
      authorization_(client_authorization(issuer.introspection_client_id, secret_.reveal())) {
  const std::optional<config::HttpUrl> origin = config::parse_http_url(issuer.introspection_url);
  if (!origin) {
    error_ = "not a URL";
    return;
  }
  if (origin->is_secure) {
    config::UpstreamTls settings;
    settings.ca = issuer.ca;
    std::string why = material ? std::string() : "no authorities to check it against";
    if (material)
      tls_ = net::TlsClientContext::make("introspection of " + issuer.name, settings, config::UpstreamProtocol::http1,
                                         std::move(material), library, why);
    if (!tls_) error_ = "TLS: " + why;
  } else if (!issuer.allow_http) {
    error_ = "not https";
  }
  options_.origin = *origin;
  options_.tls = tls_;
  options_.timeout_ms = kTimeoutMs;
  options_.max_body = kMostIntrospectionBytes;
  options_.public_only = !issuer.allow_private;
}

IntrospectionClient::~IntrospectionClient() = default;

bool IntrospectionClient::is_for(const config::Issuer& issuer, std::string_view secret) const noexcept {
  return source_of(issuer_) == source_of(issuer) && (secret.empty() || secret_.reveal() == secret);
}

IntrospectionClient::Connection IntrospectionClient::take() {
  Connection connection;
  if (kept_.empty()) {
    connection = std::make_unique<net::HttpClient>(loop_, options_);
  } else {
    connection = std::move(kept_.back());
    kept_.pop_back();
  }
  busy_.push_back(connection.get());
  return connection;
}

void IntrospectionClient::give_back(Connection connection) {
  std::erase(busy_, connection.get());
  if (kept_.size() < kMostKept && !cancelled_) kept_.push_back(std::move(connection));
}

std::string IntrospectionClient::failure_of(const net::HttpClient& client, const Error& error) const {
  if (client.has_avoided_address()) return "its address is not public (allow_private is false)";
  std::string why(to_string(error.code));
  if (error.code == Code::tls) why += ": " + client.tls_error();
  return why;
}

Task<IntrospectionClient::Asked> IntrospectionClient::ask(std::string_view token) {
  Asked out;
  out.error = cancelled_ ? "cancelled" : error_;
  out.answer.url = issuer_.introspection_url;
  out.answer.asked_at = std::time(nullptr);
  if (!out.error.empty()) co_return out;
  crypto::SecretText question = introspection_question(token);
  net::HttpRequest request;
  request.method = "POST";
  request.fields.emplace_back("Accept", "application/json");
  request.fields.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  request.fields.emplace_back("Authorization", authorization_.reveal());
  request.body = question.reveal();
  Connection connection = take();
  Result<net::HttpResponse> response = co_await connection->fetch(request);
  crypto::SecretText wiped;
  wiped.buffer().swap(request.body);
  if (!response) {
    out.error = failure_of(*connection, response.error());
    if (response.error().code == Code::malformed || response.error().code == Code::too_large)
      out.answer.kind = Kind::failed;
  } else if (response->status != 200) {
    out.answer.kind = Kind::failed;
    out.error = "status " + std::to_string(response->status);
    if (response->status == 401 || response->status == 403) out.error += ": it does not know us by our id and secret";
  } else {
    out.answer.kind = read_activity(response->body);
    if (out.answer.kind == Kind::failed) out.error = "its answer is none (RFC 7662)";
    if (out.answer.kind == Kind::active) out.answer.body = std::move(response->body);
  }
  give_back(std::move(connection));
  co_return out;
}

void IntrospectionClient::cancel() noexcept {
  cancelled_ = true;
  kept_.clear();
  for (net::HttpClient* client : busy_) client->cancel();
}

}  // namespace postern::identity
