#include "server/core.h"

#include <pthread.h>

#include <algorithm>
#include <ctime>

#include "base/log.h"
#include "net/tls_client_context.h"
#include "net/tls_server_context.h"
#include "server/acceptor.h"
#include "server/connection.h"

namespace postern::server {

Core::Core(std::size_t number, net::Engine engine, metrics::CoreMetrics& metrics, accesslog::CoreLog& log,
           trace::CoreTracer* tracer)
    : number_(number),
      metrics_(metrics),
      loop_(engine),
      heartbeat_(loop_, metrics),
      pipeline_(loop_, metrics, log, tracer, static_cast<std::uint32_t>(number)),
      tasks_(loop_.frames()),
      checking_(loop_.frames()),
      drains_(loop_.frames()),
      checks_(loop_, checking_),
      end_idle_([](void* self) noexcept { static_cast<Core*>(self)->end_idle(); }, this),
      return_leases_([](void* self) noexcept { static_cast<Core*>(self)->return_leases(); }, this),
      work_(loop_.io().get_executor()) {}

Core::~Core() { join(); }

void Core::start() {
  thread_ = std::thread([this] { run(); });
}

void Core::run() {
  const std::string name = "core-" + std::to_string(number_);
  ::pthread_setname_np(::pthread_self(), name.c_str());
  heartbeat_.start();
  if (trail_) trail_->attach(loop_);
  loop_.run();
  // Stopped: close what is kept, and let the operations that this aborts come home.
  acceptors_.clear();
  checks_.stop();
  pipeline_.install(proxy::GenerationPin());
  loop_.finish();
  if (trail_) trail_->detach();
  library_.leave_thread();
}

void Core::post_install(Install message) {
  loop_.post([this, m = std::move(message)] { install(m); });
}

void Core::post_drain(std::function<void()> done, DrainPlan plan) {
  loop_.post([this, plan, d = std::move(done)]() mutable { drains_.start(drain(std::move(d), plan)); });
}

void Core::post_overload(Stage stage, bool close_idle, std::string retry_after) {
  loop_.post([this, stage, close_idle, text = std::move(retry_after)] { set_overload(stage, close_idle, text); });
}

void Core::post_end_streams() {
  loop_.post([this] {
    end_idle();
    end_streams();
  });
}

void Core::post_cut() {
  loop_.post([this] { cut(); });
}

void Core::post_revocations(identity::RevocationBatch batch) {
  loop_.post([this, b = std::move(batch)] { pipeline_.gate().identity().revoke(b, std::time(nullptr)); });
}

void Core::post_identity(std::shared_ptr<const identity::IdentitySources> sources) {
  loop_.post([this, s = std::move(sources)] {
    identity::CoreIdentity& identity = pipeline_.gate().identity();
    if (identity.is_installed() && identity.sources().generation == s->generation)
      identity.install(s, std::time(nullptr));
  });
}

void Core::post_answer(std::uint64_t place, bool is_sure) {
  loop_.post([this, place, is_sure] { pipeline_.gate().waiters().answered(place, is_sure); });
}

void Core::post_introspection(std::uint64_t place, std::shared_ptr<const identity::IntrospectionAnswer> said) {
  loop_.post([this, place, s = std::move(said)] { pipeline_.gate().token_waiters().answered(place, s != nullptr, s); });
}

void Core::post_groups(std::uint64_t place, std::shared_ptr<const std::vector<std::string>> groups) {
  loop_.post([this, place, g = std::move(groups)] {
    pipeline_.gate().group_waiters().answered(place, g != nullptr, nullptr, g);
  });
}

void Core::post_inactive(std::string issuer, std::shared_ptr<const crypto::SecretText> token) {
  loop_.post([this, name = std::move(issuer), t = std::move(token)] {
    pipeline_.gate().identity().forget(t->reveal(), name, {std::time(nullptr), coarse_now_ms()});
  });
}

void Core::post_stop() {
  loop_.post([this] { loop_.io().stop(); });
}

void Core::join() {
  if (thread_.joinable()) thread_.join();
}

void Core::install(const Install& message) {
  metrics_.prepare(message.snapshot->slots);
  if (message.snapshot->settings.drift) metrics_.models().prepare();
  install_identity(*message.snapshot);
  pipeline_.audit().set_trail(trail_);
  pipeline_.audit().set_streams(message.audit_streams);
  pipeline_.install(make_generation(message.snapshot));
  start_checks();
  close_acceptors(message.closed);
  for (const std::unique_ptr<Acceptor>& acceptor : acceptors_) {  // each once: two listeners may have swapped addresses
    const auto moved = std::find_if(message.moved.begin(), message.moved.end(),
                                    [&](const auto& move) { return move.first == acceptor->listener(); });
    if (moved != message.moved.end()) acceptor->serve(moved->second);
  }
  for (const ListenerSocket& opened : message.opened) {
    acceptors_.push_back(std::make_unique<Acceptor>(*this, opened.listener, opened.fd));
  }
}

/// Before the generation whose requests will ask.
void Core::install_identity(const proxy::Snapshot& snapshot) {
  proxy::Gate& gate = pipeline_.gate();
  gate.identity().install(snapshot.identity, std::time(nullptr));
  gate.limits().install(snapshot.access->limits);
  if (!snapshot.access->limits->limits().empty() && !return_leases_.is_set()) return_leases();
  gate.signer().install(snapshot.assertion_key);
}

void Core::close_acceptors(const std::vector<std::uint16_t>& listeners) {
  std::erase_if(acceptors_, [&](const std::unique_ptr<Acceptor>& acceptor) {
    if (std::find(listeners.begin(), listeners.end(), acceptor->listener()) == listeners.end()) return false;
    acceptor->empty_queue();
    return true;
  });
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
                          old->clusters[i]->shared() == spec.shared &&
                          old->snapshot->upstreams[i].tls_material == spec.tls_material;
        if (same) cluster = old->clusters[i];
      }
    }
    if (!cluster) {
      std::shared_ptr<net::TlsClientContext> tls;
      if (spec.tls_material)
        tls = net::TlsClientContext::make("upstream " + spec.cluster.name, spec.tls_settings, spec.cluster.protocol,
                                          spec.tls_material, library_, error);
      cluster = std::make_shared<upstream::Cluster>(loop_, spec.cluster, spec.shared, std::move(tls),
                                                    metrics_.upstream(spec.slot));
    }
    next->clusters.push_back(std::move(cluster));
  }
  if (!error.empty())
    log::error("TLS context", {{"core", number_}, {"why", error}});  // the control thread made the same one: never
  next->snapshot = std::move(snapshot);
  return proxy::GenerationPin(next.release());
}

// Each upstream is the duty of one core of the process.
void Core::start_checks() {
  std::vector<proxy::HealthDuty> duties;
  const proxy::Generation& generation = *pipeline_.generation();
  for (std::size_t i = 0; i < generation.clusters.size(); ++i) {
    const proxy::Snapshot::UpstreamSpec& spec = generation.snapshot->upstreams[i];
    if (proxy::home_core(spec.cluster.name, generation.snapshot->cores) != number_) continue;
    proxy::HealthDuty duty;
    duty.upstream = spec.shared;
    duty.health = spec.health;
    duty.ejection = spec.cluster.ejection;
    duty.protocol = spec.cluster.protocol;
    duty.tls = generation.clusters[i]->tls();
    duty.metrics = &metrics_.upstream(spec.slot);
    duties.push_back(std::move(duty));
  }
  checks_.assign(std::move(duties));
}

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

Task<void> Core::drain(std::function<void()> done, DrainPlan plan) {
  drain_ = plan.first;
  for (const std::unique_ptr<Acceptor>& acceptor : acceptors_) acceptor->empty_queue();
  acceptors_.clear();
  for (Connection* c = first_; c; c = c->next_) c->drain(drain_);
  if (plan.end_streams) end_streams();
  loop_.set_timer(end_idle_, plan.grace_ms);
  co_await tasks_.join();
  end_idle_.clear();
  checks_.stop();
  co_await checking_.join();
  co_await loop_.dials().join();
  done();
}

// What this core has leased of the limits' budgets and does not use, others may need.
void Core::return_leases() noexcept {
  constexpr std::int64_t kEveryMs = 100;
  pipeline_.gate().limits().tick(now_ns());
  loop_.set_timer(return_leases_, kEveryMs);
}

void Core::end_idle() noexcept {
  if (drain_ == wire::Drain::none) return;
  drain_ = wire::Drain::all;
  for (Connection* c = first_; c; c = c->next_) c->drain(drain_);
}

void Core::end_streams() noexcept {
  if (drain_ == wire::Drain::none) return;
  streams_end_ = true;
  for (Connection* c = first_; c; c = c->next_) c->end_streams();
}

void Core::set_overload(Stage stage, bool close_idle, const std::string& retry_after) noexcept {
  stage_ = stage;
  pipeline_.shed(stage == Stage::refuse_requests ? std::string_view(retry_after) : std::string_view());
  if (!std::exchange(close_idle_, close_idle) && close_idle) {
    for (Connection* c = first_; c; c = c->next_) {
      if (c->relieve()) metrics_.shed(metrics::Shed::idle_connection);
    }
  }
}

void Core::cut() noexcept {
  if (trail_) trail_->cut();
  for (Connection* c = first_; c; c = c->next_) c->cut();
}

}  // namespace postern::server
