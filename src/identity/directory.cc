#include "identity/directory.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <deque>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "identity/introspection.h"
#include "net/tls_material.h"

namespace postern::identity {

namespace {

std::shared_ptr<const net::TlsMaterial> material_of(const config::Issuer& issuer) {
  config::UpstreamTls settings;
  settings.ca = issuer.ca;
  const net::LoadedTls loaded = net::TlsMaterial::load("issuer " + issuer.name, settings);
  for (const std::string& error : loaded.errors) log::error("directory", {{"why", error}});
  return loaded.material;
}

}  // namespace

struct Directory::Wanted {
  config::Issuer settings;
  crypto::SecretText secret;
  std::shared_ptr<const net::TlsMaterial> material;
};

struct Directory::Asked {
  struct Known {
    Groups groups;  // nullptr: they could not be had
    std::int64_t until_ms = 0;
  };

  Asked(net::Loop& loop, Wanted wanted, const crypto::Library& library)
      : client(loop, wanted.settings, std::move(wanted.secret), std::move(wanted.material), library) {}

  [[nodiscard]] const std::string& name() const noexcept { return client.issuer().name; }

  DirectoryClient client;
  std::map<std::string, Known> known;
  std::map<std::string, std::vector<Answer>> questions;
  std::deque<std::string> queue;  // those about whom nobody has been asked yet
  std::size_t working = 0;
  bool is_failing = false;
  bool is_leaving = false;
};

Directory::Directory() : tasks_(loop_.frames()), last_(loop_.frames()) {}

Directory::~Directory() {
  if (!thread_.joinable()) return;
  loop_.post([this] {
    for (auto& [name, asked] : std::exchange(asked_, {})) leave(std::move(asked));
    for (const std::unique_ptr<Asked>& asked : leaving_) asked->client.cancel();
    last_.start(end());
  });
  thread_.join();
}

void Directory::run() {
  ::pthread_setname_np(::pthread_self(), "directory");
  const auto busy = boost::asio::make_work_guard(loop_.io());
  loop_.run();
  leaving_.clear();
  loop_.finish();
  library_.leave_thread();
}

Task<void> Directory::end() {
  co_await tasks_.join();
  loop_.io().stop();
}

void Directory::apply(const std::vector<config::Issuer>& issuers) {
  std::vector<Wanted> wanted;
  for (const config::Issuer& issuer : issuers) {
    if (issuer.graph_client_id.empty()) continue;
    crypto::Loaded<crypto::SecretText> secret = load_client_secret(issuer.graph_secret_file);
    if (!secret) log::error("directory: no secret", {{"issuer", issuer.name}, {"why", secret.error}});
    wanted.push_back({issuer, secret ? std::move(*secret.value) : crypto::SecretText(), material_of(issuer)});
  }
  if (wanted.empty() && !thread_.joinable()) return;
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  loop_.post([this, all = std::move(wanted)]() mutable { install(std::move(all)); });
}

void Directory::install(std::vector<Wanted> wanted) {
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

void Directory::leave(std::unique_ptr<Asked> asked) {
  Asked& one = *asked;
  leaving_.push_back(std::move(asked));
  one.is_leaving = true;
  drop_if_idle(one);
}

/// Behind the end of its last coroutine, whose frame still refers to it.
void Directory::drop_if_idle(Asked& asked) {
  if (!asked.is_leaving || asked.working != 0) return;
  loop_.post([this, gone = &asked] {
    std::erase_if(leaving_, [gone](const std::unique_ptr<Asked>& one) { return one.get() == gone; });
  });
}

void Directory::ask(std::string issuer, std::string person, Answer answer) {
  loop_.post([this, name = std::move(issuer), p = std::move(person), a = std::move(answer)]() mutable {
    take_question(name, std::move(p), std::move(a));
  });
}

void Directory::count(const std::string& issuer, std::uint64_t DirectoryStatus::*what) {
  const std::lock_guard lock(mutex_);
  if (const auto status = shown_.find(issuer); status != shown_.end()) ++(status->second.*what);
}

void Directory::take_question(const std::string& issuer, std::string person, Answer answer) {
  const auto found = asked_.find(issuer);
  if (found == asked_.end()) return answer(nullptr);
  Asked& asked = *found->second;
  const auto known = asked.known.find(person);
  if (known != asked.known.end()) {
    if (coarse_now_ms() < known->second.until_ms) return answer(known->second.groups);
    asked.known.erase(known);
  }
  const auto open = asked.questions.find(person);
  if (open != asked.questions.end()) return open->second.push_back(std::move(answer));
  if (asked.questions.size() >= kMostQuestions) {
    count(issuer, &DirectoryStatus::not_asked);
    return answer(nullptr);
  }
  asked.questions[person].push_back(std::move(answer));
  asked.queue.push_back(std::move(person));
  if (asked.working < kMostAtOnce) {
    ++asked.working;
    tasks_.start(work(asked));
  }
}

/// Asks until nobody is left to be asked about.
Task<void> Directory::work(Asked& asked) {
  while (!asked.queue.empty()) {
    const std::string person = std::move(asked.queue.front());
    asked.queue.pop_front();
    DirectoryClient::Found found = co_await asked.client.find(person);
    settle(asked, person, std::move(found));
  }
  --asked.working;
  drop_if_idle(asked);
}

void Directory::settle(Asked& asked, const std::string& person, DirectoryClient::Found found) {
  const bool good = found.error.empty();
  if (good == asked.is_failing) {
    asked.is_failing = !good;
    if (good)
      log::info("groups can be looked up again", {{"issuer", asked.name()}});
    else
      log::warn("groups cannot be looked up", {{"issuer", asked.name()}, {"why", found.error}});
  }
  count(asked.name(), good ? &DirectoryStatus::found : &DirectoryStatus::failed);
  const Groups groups = good ? std::make_shared<const std::vector<std::string>>(std::move(found.groups)) : Groups();
  if (asked.known.size() >= kMostKnown) asked.known.clear();
  asked.known[person] = {groups, coarse_now_ms() + (good ? kKnownMs : kFailedMs)};
  const std::vector<Answer> answers = std::move(asked.questions.extract(person).mapped());
  for (const Answer& answer : answers) answer(groups);
}

std::vector<DirectoryStatus> Directory::status() const {
  const std::lock_guard lock(mutex_);
  std::vector<DirectoryStatus> all;
  for (const auto& [name, one] : shown_) all.push_back(one);
  return all;
}

}  // namespace postern::identity
