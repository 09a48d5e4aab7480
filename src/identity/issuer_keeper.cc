#include "identity/issuer_keeper.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <condition_variable>
#include <tuple>

#include "base/log.h"
#include "identity/followed_issuer.h"
#include "identity/key_file.h"
#include "net/tls_material.h"

namespace postern::identity {

struct IssuerKeeper::Wanted {
  config::Issuer settings;
  std::shared_ptr<const net::TlsMaterial> material;
};

/// Counts the issuers that have yet to come to something.
struct IssuerKeeper::Latch {
  void expect(std::size_t count) {
    const std::lock_guard lock(mutex);
    missing = count;
    changed.notify_all();
  }
  void arrive() {
    const std::lock_guard lock(mutex);
    --missing;
    changed.notify_all();
  }
  void wait(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, most, [this] { return missing == 0; });
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t missing = 1;  // guarded by mutex; one for install() itself
};

struct IssuerKeeper::Followed : FollowedIssuer {
  using FollowedIssuer::FollowedIssuer;
  std::shared_ptr<Latch> first;  // as long as somebody waits for the first outcome
};

namespace {

std::shared_ptr<const net::TlsMaterial> material_of(const config::Issuer& issuer) {
  if (!key_file_of(issuer).empty()) return nullptr;
  config::UpstreamTls settings;
  settings.ca = issuer.ca;
  const net::LoadedTls loaded = net::TlsMaterial::load("issuer " + issuer.name, settings);
  for (const std::string& error : loaded.errors) log::error("keys of an issuer", {{"why", error}});
  return loaded.material;
}

/// Not where it is asked about all of its tokens, and nothing is said of keys.
bool needs_keys(const config::Issuer& issuer) {
  const bool asks = !issuer.introspection_url.empty() && issuer.introspection_tokens == config::Introspected::all;
  return !asks || !issuer.jwks_url.empty() || !key_file_of(issuer).empty();
}

}  // namespace

IssuerKeeper::IssuerKeeper(Publish publish, Clock clock)
    : publish_(std::move(publish)),
      clock_(clock),
      tasks_(loop_.frames()),
      last_(loop_.frames()),
      current_(std::make_shared<const IssuerSet>()) {}

IssuerKeeper::~IssuerKeeper() {
  if (!thread_.joinable()) return;
  loop_.post([this] {
    for (auto& [name, followed] : followed_) leave(std::move(followed));
    followed_.clear();
    last_.start(end());
  });
  thread_.join();
}

void IssuerKeeper::run() {
  ::pthread_setname_np(::pthread_self(), "issuer-keys");
  const auto busy = boost::asio::make_work_guard(loop_.io());
  loop_.run();
  leaving_.clear();
  loop_.finish();
  library_.leave_thread();
}

Task<void> IssuerKeeper::end() {
  co_await tasks_.join();
  loop_.io().stop();
}

double IssuerKeeper::random() noexcept { return static_cast<double>(random_.next() >> 11) * 0x1.0p-53; }

IssuerKeeper::Set IssuerKeeper::apply(const std::vector<config::Issuer>& issuers,
                                      const std::vector<config::RoleMapping>& mappings, std::uint64_t max_token) {
  std::vector<Wanted> wanted;
  for (const config::Issuer& issuer : issuers) wanted.push_back({issuer, material_of(issuer)});
  Set set;
  {
    const std::lock_guard lock(mutex_);
    set = IssuerSet::make(issuers, mappings, max_token, current_->version() + 1);
    if (issuers.empty() && !thread_.joinable()) return current_ = set;
    holding_ = true;
  }
  const auto latch = std::make_shared<Latch>();
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  loop_.post([this, latch, set = std::move(set), all = std::move(wanted)]() mutable {
    install(std::move(set), std::move(all), latch);
  });
  latch->wait(kPatience);
  const std::lock_guard lock(mutex_);
  holding_ = false;
  return current_;
}

std::unique_ptr<IssuerKeeper::Followed> IssuerKeeper::make_followed(const Wanted& wanted) {
  auto followed = std::make_unique<Followed>(loop_, wanted.settings, clock_());
  if (followed->is_file()) {
    read_file(*followed);
  } else {
    followed->fetch.emplace(loop_, wanted.settings, wanted.material, library_);
  }
  return followed;
}

void IssuerKeeper::install(Set set, std::vector<Wanted> wanted, const std::shared_ptr<Latch>& latch) {
  {
    const std::lock_guard lock(mutex_);
    current_ = std::move(set);
    std::erase_if(shown_, [&wanted](const auto& shown) {
      return std::none_of(wanted.begin(), wanted.end(),
                          [&shown](const Wanted& one) { return one.settings.name == shown.first; });
    });
  }
  std::map<std::string, std::unique_ptr<Followed>> before = std::exchange(followed_, {});
  std::size_t missing = 0;
  std::vector<Followed*> fresh;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string& name = wanted[i].settings.name;
    if (!needs_keys(wanted[i].settings)) continue;
    const auto old = before.find(name);
    const bool goes_on = old != before.end() && old->second->has_source_of(wanted[i].settings);
    std::unique_ptr<Followed> followed = goes_on ? std::move(old->second) : make_followed(wanted[i]);
    followed->index = i;
    if (goes_on && followed->is_file()) read_file(*followed);  // somebody reloads: he may not have to wait
    if (followed->keys) take_keys(*followed, followed->keys);
    if (!goes_on) {
      fresh.push_back(followed.get());
      if (!followed->is_file()) {
        followed->first = latch;
        ++missing;
      }
    }
    followed_.emplace(name, std::move(followed));
  }
  for (auto& [name, old] : before) {
    if (old) leave(std::move(old));
  }
  latch->expect(missing);
  for (Followed* followed : fresh) tasks_.start(follow(*followed));
}

void IssuerKeeper::leave(std::unique_ptr<Followed> followed) {
  followed->leave();
  settle(*followed);  // behind it: who waits is told that nothing was fetched
  leaving_.push_back(std::move(followed));
}

/// Gives back what has left. Behind the coroutine's end: its frame still refers to it.
void IssuerKeeper::drop(Followed& followed) {
  loop_.post([this, gone = &followed] {
    std::erase_if(leaving_, [gone](const std::unique_ptr<Followed>& one) { return one.get() == gone; });
  });
}

Task<void> IssuerKeeper::follow(Followed& followed) {
  while (!followed.is_leaving) {
    const std::int64_t now = clock_();
    if (followed.is_file()) {
      if (followed.watch && followed.watch->drain_changed()) read_file(followed);
    } else if (followed.schedule.is_due(now)) {
      co_await refresh(followed);
      continue;
    } else if (followed.keys && followed.schedule.is_spent(now)) {
      log::error("an issuer's keys are too old to be used", {{"issuer", followed.settings.name}});
      take_keys(followed, nullptr);
    }
    const std::int64_t pause = followed.pause_ms(clock_());
    static_cast<void>(co_await followed.wake.wait(pause));
  }
  drop(followed);
}

Task<void> IssuerKeeper::refresh(Followed& followed) {
  const bool in_haste = std::exchange(followed.is_forced, false);
  followed.is_fetching = true;
  FetchedKeys fetched = co_await followed.fetch->fetch(in_haste);
  followed.is_fetching = false;
  if (followed.is_leaving) co_return;
  const std::int64_t now = clock_();
  if (fetched.keys) {
    followed.schedule.on_good(now, fetched.max_age_s, random());
    if (followed.failing) log::info("an issuer's keys are to be had again", {{"issuer", followed.settings.name}});
    followed.failing = false;
    for (const std::string& skipped : fetched.skipped) {
      log::debug("a key of an issuer is left out", {{"issuer", followed.settings.name}, {"why", skipped}});
    }
    take_keys(followed, std::move(fetched.keys));
  } else {
    followed.schedule.on_bad(now, random());
    note_failure(followed, fetched.error);
  }
  settle(followed);
}

void IssuerKeeper::read_file(Followed& followed) {
  KeySet::Made made = load_key_file(followed.settings);
  for (const std::string& skipped : made.skipped) {
    log::warn("a key of an issuer is left out", {{"issuer", followed.settings.name}, {"why", skipped}});
  }
  if (!made.keys) return note_failure(followed, made.error);
  if (followed.keys) log::info("an issuer's keys were read anew", {{"issuer", followed.settings.name}});
  followed.failing = false;
  if (followed.index == FollowedIssuer::kNowhere) {
    followed.keys = std::move(made.keys);  // install() is about to take them
  } else {
    take_keys(followed, std::move(made.keys));
  }
}

void IssuerKeeper::take_keys(Followed& followed, std::shared_ptr<const KeySet> keys) {
  followed.keys = std::move(keys);
  Set changed;
  {
    const std::lock_guard lock(mutex_);
    IssuerStatus& shown = shown_[followed.settings.name];
    shown.name = followed.settings.name;
    shown.has_keys = followed.keys != nullptr;
    shown.keys = followed.keys ? followed.keys->keys().size() : 0;
    shown.is_failing = followed.failing;
    if (followed.keys) ++shown.fetches_good;
    const std::shared_ptr<const KeySet>& known = current_->issuers().at(followed.index).keys;
    if (known && followed.keys && known->is_same(*followed.keys)) return;
    if (!known && !followed.keys) return;
    current_ = current_->with_keys(followed.index, followed.keys);
    if (!holding_) changed = current_;
  }
  if (changed && publish_) publish_(std::move(changed));
}

void IssuerKeeper::note_failure(Followed& followed, const std::string& why) {
  if (!std::exchange(followed.failing, true)) {
    log::warn("an issuer's keys cannot be had", {{"issuer", followed.settings.name}, {"why", why}});
  }
  const std::lock_guard lock(mutex_);
  IssuerStatus& shown = shown_[followed.settings.name];
  shown.name = followed.settings.name;
  ++shown.fetches_bad;
  shown.is_failing = true;
  shown.error = why;
}

/// Everybody who waits for the outcome gets it.
void IssuerKeeper::settle(Followed& followed) {
  if (followed.first) std::exchange(followed.first, nullptr)->arrive();
  const std::int64_t now = clock_();
  for (auto& [kid, answer] : std::exchange(followed.questions, {})) {
    const bool is_known = followed.keys && followed.keys->knows(kid);
    if (!followed.failing && !is_known && !kid.empty()) followed.schedule.note_absent(now, kid);
    answer(!followed.is_leaving && !followed.failing);
  }
}

void IssuerKeeper::ask(std::string issuer, std::string kid, Answer answer) {
  loop_.post([this, name = std::move(issuer), k = std::move(kid), a = std::move(answer)]() mutable {
    answer_question(name, std::move(k), std::move(a));
  });
}

void IssuerKeeper::answer_question(const std::string& issuer, std::string kid, Answer answer) {
  const auto found = followed_.find(issuer);
  if (found == followed_.end()) return answer(false);
  Followed& followed = *found->second;
  if (followed.is_file() || followed.questions.size() >= FollowedIssuer::kMostQuestions) return answer(false);
  const bool fetches = !followed.is_fetching && followed.schedule.ask(clock_(), kid);
  {
    const std::lock_guard lock(mutex_);
    IssuerStatus& shown = shown_[issuer];
    shown.name = issuer;
    if (fetches) ++shown.forced;
    if (!fetches && !followed.is_fetching) ++shown.forced_refused;
  }
  if (fetches) {
    followed.is_forced = true;
    followed.is_fetching = true;  // from now on: further questions wait for this one
    followed.wake.notify();
  }
  if (!followed.is_fetching) return answer(false);
  followed.questions.emplace_back(std::move(kid), std::move(answer));
}

bool IssuerKeeper::is_failing(const std::string& issuer) const {
  const std::lock_guard lock(mutex_);
  const auto found = shown_.find(issuer);
  return found != shown_.end() && found->second.is_failing;
}

std::vector<IssuerStatus> IssuerKeeper::status() const {
  const std::lock_guard lock(mutex_);
  std::vector<IssuerStatus> all;
  for (const auto& [name, shown] : shown_) all.push_back(shown);
  return all;
}

}  // namespace postern::identity
