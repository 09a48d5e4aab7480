#include "identity/directory_client.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "identity/introspection.h"
#include "net/tls_client_context.h"
#include "net/tls_material.h"

namespace postern::identity {
namespace {

constexpr std::string_view kTenantPlace = "{tenantid}";
constexpr std::int64_t kMarginMs = 60'000;
constexpr std::size_t kMostTenants = 256;

auto source_of(const config::Issuer& issuer) noexcept {
  return std::tie(issuer.name, issuer.graph_client_id, issuer.graph_url, issuer.graph_token_url, issuer.ca,
                  issuer.allow_private, issuer.allow_http);
}

/// The whole of a service, as an application asks for it: "https://graph.microsoft.com/.default".
std::string scope_of(const config::HttpUrl& service) {
  return (service.is_secure ? "https://" : "http://") + service.authority + "/.default";
}

}  // namespace

DirectoryClient::DirectoryClient(net::Loop& loop, const config::Issuer& issuer, crypto::SecretText secret,
                                 std::shared_ptr<const net::TlsMaterial> material, const crypto::Library& library)
    : loop_(loop), issuer_(issuer), secret_(std::move(secret)) {
  tls_error_ = "no authorities to check it against";
  if (!material) return;
  config::UpstreamTls settings;
  settings.ca = issuer.ca;
  tls_ = net::TlsClientContext::make("directory of " + issuer.name, settings, config::UpstreamProtocol::http1,
                                     std::move(material), library, tls_error_);
}

bool DirectoryClient::is_for(const config::Issuer& issuer, std::string_view secret) const noexcept {
  return source_of(issuer_) == source_of(issuer) && (secret.empty() || secret_.reveal() == secret);
}

Task<DirectoryClient::Document> DirectoryClient::fetch(const std::string& url, net::HttpRequest request) {
  Document out;
  const std::optional<config::HttpUrl> origin = config::parse_http_url(url);
  if (!origin)
    out.error = "not a URL";
  else if (!origin->is_secure && !issuer_.allow_http)
    out.error = "not https";
  else if (origin->is_secure && !tls_)
    out.error = "TLS: " + tls_error_;
  else if (cancelled_)
    out.error = "cancelled";
  if (!out.error.empty()) co_return out;
  net::HttpClient::Options options;
  options.origin = *origin;
  options.tls = tls_;
  options.timeout_ms = kTimeoutMs;
  options.max_body = kMostGraphBytes;
  options.keep_alive = false;
  options.public_only = !issuer_.allow_private;
  net::HttpClient client(loop_, std::move(options));
  busy_.push_back(&client);
  Result<net::HttpResponse> response = co_await client.fetch(request);
  std::erase(busy_, &client);
  if (response) {
    out.status = response->status;
    out.body = std::move(response->body);
    if (out.status != 200) out.error = "status " + std::to_string(out.status);
  } else if (client.has_avoided_address()) {
    out.error = "its address is not public (allow_private is false)";
  } else {
    out.error = std::string(to_string(response.error().code));
    if (response.error().code == Code::tls) out.error += ": " + client.tls_error();
  }
  co_return out;
}

/// Empty: tokens_ has one for the tenant.
Task<std::string> DirectoryClient::renew(const std::string& tenant) {
  const auto known = tokens_.find(tenant);
  if (known != tokens_.end() && coarse_now_ms() < known->second.good_until_ms) co_return std::string();
  std::string url = issuer_.graph_token_url;
  if (const std::size_t at = url.find(kTenantPlace); at != std::string::npos)
    url.replace(at, kTenantPlace.size(), tenant);
  const std::optional<config::HttpUrl> service = config::parse_http_url(issuer_.graph_url);
  net::HttpRequest request;
  request.method = "POST";
  request.fields.emplace_back("Accept", "application/json");
  request.fields.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  request.body = "grant_type=client_credentials&client_id=";
  append_form_text(issuer_.graph_client_id, request.body);
  request.body += "&scope=";
  append_form_text(service ? scope_of(*service) : std::string(), request.body);
  request.body += "&client_secret=";
  append_form_text(secret_.reveal(), request.body);
  const Document document = co_await fetch(url, std::move(request));
  if (!document.error.empty()) co_return url + ": " + document.error;
  const ClientToken token = parse_client_token(document.body);
  if (!token.error.empty()) co_return url + ": " + token.error;
  if (tokens_.size() >= kMostTenants) tokens_.clear();
  OurToken& ours = tokens_[tenant];
  ours.authorization = "Bearer " + std::string(token.text.reveal());
  ours.good_until_ms = coarse_now_ms() + std::max<std::int64_t>(token.good_for_s * 1000 - kMarginMs, 0);
  co_return std::string();
}

Task<DirectoryClient::Found> DirectoryClient::find(std::string path) {
  Found out;
  const std::string tenant = path.substr(0, path.find('/'));
  const std::int64_t due_ms = coarse_now_ms() + kPatienceMs;
  out.error = co_await renew(tenant);
  std::string url = issuer_.graph_url;
  if (url.ends_with('/')) url.pop_back();
  url += path.substr(tenant.size()) + "/transitiveMemberOf/microsoft.graph.group?$count=true&$select=id&$top=999";
  const std::optional<config::HttpUrl> origin = config::parse_http_url(url);
  if (!origin && out.error.empty()) out.error = "not a URL";
  for (std::size_t page = 0; out.error.empty(); ++page) {
    if (page == kMostGraphPages || coarse_now_ms() >= due_ms) {
      out.error = "too many pages";
      break;
    }
    net::HttpRequest request;
    request.fields.emplace_back("Accept", "application/json");
    request.fields.emplace_back("ConsistencyLevel", "eventual");  // the cast to groups needs it, and $count
    request.fields.emplace_back("Authorization", tokens_[tenant].authorization);
    const Document document = co_await fetch(url, std::move(request));
    if (document.status == 401) tokens_.erase(tenant);
    if (!document.error.empty()) {
      out.error = origin->authority + ": " + document.error;
      break;
    }
    GroupsPage read = parse_groups_page(document.body, *origin, out.groups);
    out.error = std::move(read.error);
    if (read.next.empty()) break;
    url = (origin->is_secure ? "https://" : "http://") + origin->authority + read.next;
  }
  if (!out.error.empty()) out.groups.clear();
  co_return out;
}

void DirectoryClient::cancel() noexcept {
  cancelled_ = true;
  for (net::HttpClient* client : busy_) client->cancel();
}

}  // namespace postern::identity
