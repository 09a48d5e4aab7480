#include "identity/introspector.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <deque>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "net/tls_material.h"

namespace postern::identity {

namespace {

using Kind = IntrospectionAnswer::Kind;

std::shared_ptr<const net::TlsMaterial> material_of(const config::Issuer& issuer) {
  config::UpstreamTls settings;
  settings.ca = issuer.ca;
  const net::LoadedTls loaded = net::TlsMaterial::load("issuer " + issuer.name, settings);
  for (const std::string& error : loaded.errors) log::error("introspection", {{"why", error}});
  return loaded.material;
}

}  // namespace

struct Introspector::Wanted {
  config::Issuer settings;
  crypto::SecretText secret;
  std::shared_ptr<const net::TlsMaterial> material;
};

/// About one token.
struct Introspector::Question {
  Token token;
  std::int64_t since_ms = 0;
  std::vector<Answer> answers;
};

struct Introspector::Asked {
  Asked(net::Loop& loop, Wanted wanted, const crypto::Library& library)
      : client(loop, wanted.settings, std::move(wanted.secret), std::move(wanted.material), library) {}

  [[nodiscard]] const std::string& name() const noexcept { return client.issuer().name; }

  IntrospectionClient client;
  // By token: the keys are views of what the questions hold.
  std::unordered_map<std::string_view, std::unique_ptr<Question>> questions;
  std::deque<Question*> queue;  // of which nobody has been asked yet
  std::size_t working = 0;
  unsigned failures = 0;  // in a row
  std::int64_t rests_until_ms = 0;
  bool is_failing = false;
  bool is_leaving = false;
};

Introspector::Introspector(Inactive inactive)
    : inactive_(std::move(inactive)), tasks_(loop_.frames()), last_(loop_.frames()) {}

Introspector::~Introspector() {
  if (!thread_.joinable()) return;
  loop_.post([this] {
    for (auto& [name, asked] : std::exchange(asked_, {})) leave(std::move(asked));
    for (const std::unique_ptr<Asked>& asked : leaving_) asked->client.cancel();
    last_.start(end());
  });
  thread_.join();
}

void Introspector::run() {
  ::pthread_setname_np(::pthread_self(), "introspection");
  const auto busy = boost::asio::make_work_guard(loop_.io());
  loop_.run();
  leaving_.clear();
  loop_.finish();
  library_.leave_thread();
}

Task<void> Introspector::end() {
  co_await tasks_.join();
  loop_.io().stop();
}

void Introspector::apply(const std::vector<config::Issuer>& issuers) {
  std::vector<Wanted> wanted;
  for (const config::Issuer& issuer : issuers) {
    if (issuer.introspection_url.empty()) continue;
    crypto::Loaded<crypto::SecretText> secret = load_client_secret(issuer.introspection_secret_file);
    if (!secret) log::error("introspection: no secret", {{"issuer", issuer.name}, {"why", secret.error}});
    // Without a secret it goes on with the one that it has, or fails: see install().
    wanted.push_back({issuer, secret ? std::move(*secret.value) : crypto::SecretText(), material_of(issuer)});
  }
  if (wanted.empty() && !thread_.joinable()) return;
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  loop_.post([this, all = std::move(wanted)]() mutable { install(std::move(all)); });
}

void Introspector::install(std::vector<Wanted> wanted) {
  std::map<std::string, std::unique_ptr<Asked>> before = std::exchange(asked_, {});
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(shown_, [&wanted](const auto& one) {
      return std::none_of(wanted.begin(), wanted.end(),
                          [&one](const Wanted& each) { return each.settings.name == one.first; });
    });
    for (const Wanted& one : wanted) shown_[one.settings.name].name = one.settings.name;
  }
  for (Wanted& one : wanted) {
    const std::string name = one.settings.name;
    const auto old = before.find(name);
    const bool goes_on = old != before.end() && old->second->client.is_for(one.settings, one.secret.reveal());
    asked_.emplace(name, goes_on ? std::move(old->second) : std::make_unique<Asked>(loop_, std::move(one), library_));
  }
  for (auto& [name, old] : before) {
    if (old) leave(std::move(old));
  }
}

/// What it has been asked it still asks; nothing else is.
void Introspector::leave(std::unique_ptr<Asked> asked) {
  Asked& one = *asked;
  leaving_.push_back(std::move(asked));
  one.is_leaving = true;
  drop_if_idle(one);
}

/// Behind the end of its last coroutine, whose frame still refers to it.
void Introspector::drop_if_idle(Asked& asked) {
  if (!asked.is_leaving || asked.working != 0) return;
  loop_.post([this, gone = &asked] {
    std::erase_if(leaving_, [gone](const std::unique_ptr<Asked>& one) { return one.get() == gone; });
  });
}

void Introspector::ask(std::string issuer, Token token, Answer answer) {
  loop_.post([this, name = std::move(issuer), t = std::move(token), a = std::move(answer)]() mutable {
    take_question(name, std::move(t), std::move(a));
  });
}

IntrospectionStatus& Introspector::shown(const std::string& issuer) {
  IntrospectionStatus& status = shown_[issuer];
  status.name = issuer;
  return status;
}

void Introspector::take_question(const std::string& issuer, Token token, Answer answer) {
  const auto found = asked_.find(issuer);
  if (found == asked_.end()) return answer(nullptr);
  Asked& asked = *found->second;
  const std::int64_t now = coarse_now_ms();
  const auto known = asked.questions.find(token->reveal());
  const bool may =
      known != asked.questions.end() || (asked.questions.size() < kMostQuestions && now >= asked.rests_until_ms);
  {
    const std::lock_guard lock(mutex_);
    ++(may ? shown(issuer).waiting : shown(issuer).not_asked);
  }
  if (!may) return answer(nullptr);
  if (known != asked.questions.end()) {
    known->second->answers.push_back(std::move(answer));
    return;
  }
  auto question = std::make_unique<Question>();
  question->token = std::move(token);
  question->since_ms = now;
  question->answers.push_back(std::move(answer));
  asked.queue.push_back(question.get());
  const std::string_view key = question->token->reveal();
  asked.questions.emplace(key, std::move(question));
  if (asked.working < kMostAtOnce) {
    ++asked.working;
    tasks_.start(work(asked));
  }
}

/// Asks until nothing is left to be asked.
Task<void> Introspector::work(Asked& asked) {
  while (!asked.queue.empty()) {
    Question& question = *asked.queue.front();
    asked.queue.pop_front();
    const std::int64_t now = coarse_now_ms();
    if (now < asked.rests_until_ms || now - question.since_ms >= kPatienceMs) {
      settle(asked, question, {});
      continue;
    }
    IntrospectionClient::Asked outcome = co_await asked.client.ask(question.token->reveal());
    note(asked, outcome);
    settle(asked, question, std::move(outcome));
  }
  --asked.working;
  drop_if_idle(asked);
}

/// What an outcome means for the questions that follow.
void Introspector::note(Asked& asked, const IntrospectionClient::Asked& outcome) {
  const IntrospectionAnswer& answer = outcome.answer;
  const bool good = answer.kind == Kind::active || answer.kind == Kind::inactive;
  asked.failures = answer.kind == Kind::unreachable ? asked.failures + 1 : 0;
  if (asked.failures >= kFailuresInARow) asked.rests_until_ms = coarse_now_ms() + kRestMs;
  if (good == asked.is_failing) {
    asked.is_failing = !good;
    if (good)
      log::info("an issuer answers again what it is asked about tokens", {{"issuer", asked.name()}});
    else
      log::warn("an issuer does not answer what it is asked about tokens",
                {{"issuer", asked.name()}, {"url", answer.url}, {"why", outcome.error}});
  }
  if (asked.is_leaving) return;
  const std::lock_guard lock(mutex_);
  IntrospectionStatus& status = shown(asked.name());
  status.is_failing = asked.is_failing;
  ++(answer.kind == Kind::active ? status.active : answer.kind == Kind::inactive ? status.inactive : status.failed);
}

void Introspector::settle(Asked& asked, Question& question, IntrospectionClient::Asked outcome) {
  const std::unique_ptr<Question> over =
      std::move(asked.questions.extract(question.token->reveal()).mapped());  // a further one begins anew
  {
    const std::lock_guard lock(mutex_);
    if (const auto status = shown_.find(asked.name()); status != shown_.end())
      status->second.waiting -= std::min<std::uint64_t>(status->second.waiting, over->answers.size());
  }
  const auto said = std::make_shared<const IntrospectionAnswer>(std::move(outcome.answer));
  if (said->kind == Kind::inactive && inactive_) inactive_(asked.name(), over->token);
  for (const Answer& answer : over->answers) answer(said);
}

std::vector<IntrospectionStatus> Introspector::status() const {
  const std::lock_guard lock(mutex_);
  std::vector<IntrospectionStatus> all;
  for (const auto& [name, one] : shown_) all.push_back(one);
  return all;
}

}  // namespace postern::identity
