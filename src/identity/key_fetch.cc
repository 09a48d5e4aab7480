#include "identity/key_fetch.h"

#include "identity/discovery_document.h"
#include "identity/key_schedule.h"
#include "net/tls_client_context.h"
#include "net/tls_material.h"

namespace postern::identity {

KeyFetch::KeyFetch(net::Loop& loop, const config::Issuer& issuer, std::shared_ptr<const net::TlsMaterial> material,
                   const crypto::Library& library)
    : loop_(loop),
      issuer_(issuer.url),
      allow_private_(issuer.allow_private),
      allow_http_(issuer.allow_http),
      discovers_(issuer.jwks_url.empty()),
      jwks_url_(issuer.jwks_url) {
  if (!material) {
    tls_error_ = "no authorities to check it against";
    return;
  }
  config::UpstreamTls settings;
  settings.ca = issuer.ca;
  tls_ = net::TlsClientContext::make("issuer " + issuer.name, settings, config::UpstreamProtocol::http1,
                                     std::move(material), library, tls_error_);
}

std::string KeyFetch::failure_of(const Error& error) const {
  if (client_->has_avoided_address()) return "its address is not public (allow_private is false)";
  std::string why(to_string(error.code));
  if (error.code == Code::tls) why += ": " + client_->tls_error();
  return why;
}

Task<KeyFetch::Document> KeyFetch::get(const std::string& url) {
  Document out;
  const std::optional<config::HttpUrl> origin = config::parse_http_url(url);
  if (!origin) {
    out.error = "not a URL";
  } else if (!origin->is_secure && !allow_http_) {
    out.error = "not https";
  } else if (origin->is_secure && !tls_) {
    out.error = "TLS: " + tls_error_;
  } else if (cancelled_) {
    out.error = "cancelled";
  }
  if (!out.error.empty()) co_return out;
  net::HttpClient::Options options;
  options.origin = *origin;
  options.tls = tls_;
  options.timeout_ms = kTimeoutMs;
  options.max_body = kMostJwksBytes;
  options.keep_alive = false;
  options.public_only = !allow_private_;
  client_ = std::make_unique<net::HttpClient>(loop_, std::move(options));
  net::HttpRequest request;
  request.fields.emplace_back("Accept", "application/json");
  Result<net::HttpResponse> response = co_await client_->fetch(request);
  if (!response) {
    out.error = failure_of(response.error());
  } else if (response->status != 200) {
    out.error = "status " + std::to_string(response->status);
  } else {
    out.response = std::move(*response);
  }
  client_.reset();
  co_return out;
}

Task<FetchedKeys> KeyFetch::fetch(bool in_haste) {
  FetchedKeys out;
  if (discovers_ && (jwks_url_.empty() || !in_haste)) {
    const std::string url = discovery_url(issuer_);
    const Document document = co_await get(url);
    const DiscoveryDocument found = document.error.empty() ? parse_discovery(document.response.body, issuer_)
                                                           : DiscoveryDocument{{}, document.error};
    if (!found.error.empty()) {
      out.error = url + ": " + found.error;
      co_return out;
    }
    jwks_url_ = found.jwks_uri;
  }
  const Document document = co_await get(jwks_url_);
  KeySet::Made made;
  made.error = document.error;
  if (made.error.empty()) made = KeySet::from_jwks(document.response.body);
  // An issuer may take its last key back. But when there are some and none is of use, the fault may well be ours.
  if (made.keys && made.keys->keys().empty() && !made.skipped.empty()) {
    made.keys = nullptr;
    made.error = "no usable key: " + made.skipped.front();
  }
  if (!made.keys) {
    out.error = jwks_url_ + ": " + made.error;
    if (discovers_) jwks_url_.clear();  // it may have moved
    co_return out;
  }
  out.keys = std::move(made.keys);
  out.skipped = std::move(made.skipped);
  out.max_age_s = max_age_of(document.response.find("Cache-Control"));
  co_return out;
}

void KeyFetch::cancel() noexcept {
  cancelled_ = true;
  if (client_) client_->cancel();
}

}  // namespace postern::identity
