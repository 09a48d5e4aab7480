#include "server/core.h"

#include <pthread.h>

#include <algorithm>

#include "base/log.h"
#include "net/tls_client_context.h"
#include "net/tls_server_context.h"
#include "server/acceptor.h"
#include "server/connection.h"

namespace postern::server {

Core::Core(std::size_t number, net::Engine engine, metrics::CoreMetrics& metrics, accesslog::CoreLog& log)
    : number_(number),
      metrics_(metrics),
      loop_(engine),
      pipeline_(loop_, metrics, log),
      tasks_(loop_.frames()),
      checking_(loop_.frames()),
      drains_(loop_.frames()),
      checks_(loop_, checking_),
      work_(loop_.io().get_executor()) {}

Core::~Core() { join(); }

void Core::start() {
  thread_ = std::thread([this] { run(); });
}

void Core::run() {
  const std::string name = "core-" + std::to_string(number_);
  ::pthread_setname_np(::pthread_self(), name.c_str());
  loop_.run();
  // Stopped: close what is kept, and let the operations that this aborts come home.
  acceptors_.clear();
  checks_.stop();
  pipeline_.install(proxy::GenerationPin());
  loop_.finish();
  library_.leave_thread();
}

void Core::post_install(Install message) {
  loop_.post([this, m = std::move(message)] { install(m); });
}

void Core::post_drain(std::function<void()> done) {
  loop_.post([this, d = std::move(done)]() mutable { drains_.start(drain(std::move(d))); });
}

void Core::post_cut() {
  loop_.post([this] { cut(); });
}

void Core::post_stop() {
  loop_.post([this] { loop_.io().stop(); });
}

void Core::join() {
  if (thread_.joinable()) thread_.join();
}

void Core::install(const Install& message) {
  metrics_.prepare(message.snapshot->slots);
  pipeline_.install(make_generation(message.snapshot));
  start_checks();
  // All that move leave their places before any arrives: two listeners may have swapped addresses.
  std::vector<std::unique_ptr<Acceptor>> moving;
  for (const auto& [from, to] : message.moved) {
    moving.push_back(std::move(acceptors_[from]));
    acceptors_.erase(from);
  }
  for (const std::uint16_t listener : message.closed) acceptors_.erase(listener);
  for (std::size_t i = 0; i < moving.size(); ++i) {
    const std::uint16_t to = message.moved[i].second;
    moving[i]->serve(to);
    acceptors_[to] = std::move(moving[i]);
  }
  for (const ListenerSocket& opened : message.opened) {
    acceptors_[opened.listener] = std::make_unique<Acceptor>(*this, opened.listener, opened.fd);
  }
}

proxy::GenerationPin Core::make_generation(std::shared_ptr<const proxy::Snapshot> snapshot) {
  auto next = std::make_unique<proxy::Generation>();
  const proxy::GenerationPin& old = pipeline_.generation();
  std::string error;
  for (std::size_t i = 0; i < snapshot->listeners.size(); ++i) {
    const proxy::ListenerPolicy& policy = snapshot->listeners[i];
    const bool same = old && i < old->tls.size() && old->snapshot->listeners[i].tls_material == policy.tls_material;
    if (!policy.tls_material)
      next->tls.push_back(nullptr);
    else if (same)
      next->tls.push_back(old->tls[i]);
    else
      next->tls.push_back(net::TlsServerContext::make("listener " + policy.name, policy.tls_settings,
                                                      policy.tls_material, policy.ticket_keys, library_, error));
  }
  for (const proxy::Snapshot::UpstreamSpec& spec : snapshot->upstreams) {
    std::shared_ptr<upstream::Cluster> cluster;
    if (old) {
      for (std::size_t i = 0; i < old->clusters.size() && !cluster; ++i) {
        const bool same = old->clusters[i]->identity() == spec.cluster.identity &&
                          old->snapshot->upstreams[i].tls_material == spec.tls_material;
        if (same) cluster = old->clusters[i];
      }
    }
    if (!cluster) {
      std::shared_ptr<net::TlsClientContext> tls;
      if (spec.tls_material)
        tls = net::TlsClientContext::make("upstream " + spec.cluster.name, spec.tls_settings, spec.cluster.protocol,
                                          spec.tls_material, library_, error);
      cluster = std::make_shared<upstream::Cluster>(loop_, spec.cluster, std::move(tls), metrics_.upstream(spec.slot));
    }
    next->clusters.push_back(std::move(cluster));
  }
  if (!error.empty())
    log::error("TLS context", {{"core", number_}, {"why", error}});  // the control thread made the same one: never
  next->snapshot = std::move(snapshot);
  return proxy::GenerationPin(next.release());
}

// Each upstream is the duty of one core of the process.
void Core::start_checks() {}

void Core::add(Connection& connection) noexcept {
  connection.next_ = first_;
  if (first_) first_->previous_ = &connection;
  first_ = &connection;
}

void Core::remove(Connection& connection) noexcept {
  if (connection.next_) connection.next_->previous_ = connection.previous_;
  if (connection.previous_)
    connection.previous_->next_ = connection.next_;
  else
    first_ = connection.next_;
}

Task<void> Core::drain(std::function<void()> done) {
  draining_ = true;
  acceptors_.clear();
  for (Connection* c = first_; c; c = c->next_) c->drain();
  co_await tasks_.join();
  checks_.stop();
  co_await checking_.join();
  done();
}

void Core::cut() noexcept {
  for (Connection* c = first_; c; c = c->next_) c->cut();
}

}  // namespace postern::server
