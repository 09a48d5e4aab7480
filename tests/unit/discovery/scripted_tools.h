// Tools of sources for tests: a clock that tests move, DNS answers and files as scripted. Nothing is real.
#pragma once

#include <deque>
#include <map>
#include <set>

#include "postern/discovery.h"

namespace postern::discovery {

class ScriptedTools final : public DiscoveryTools {
 public:
  std::map<std::string, AddressAnswer> v4;  // by host; none: NXDOMAIN
  std::map<std::string, AddressAnswer> v6;
  std::map<std::string, ServiceAnswer> services;
  std::map<std::string, std::function<void()>> watched;
  std::vector<std::string> asked;  // hosts and services, in order

  static AddressAnswer addresses(std::initializer_list<const char*> texts, std::uint32_t ttl_s = 1) {
    AddressAnswer answer;
    for (const char* text : texts) answer.addresses.push_back(*http::parse_ip(text));
    answer.ttl_s = ttl_s;
    return answer;
  }
  static AddressAnswer absent(Absence kind) {
    AddressAnswer answer;
    answer.absence = kind;
    answer.why = "scripted";
    return answer;
  }

  [[nodiscard]] std::int64_t now_ms() const { return now_ms_; }
  /// Everything that is due by then happens, in order; answers come at the time of their question.
  void advance(std::int64_t ms) {
    const std::int64_t end = now_ms_ + ms;
    settle();
    while (Timer* next = due_by(end)) {
      now_ms_ = std::max(now_ms_, next->due_ms);
      const std::function<void()> run = std::exchange(next->run, nullptr);
      run();
      settle();
    }
    now_ms_ = end;
  }
  /// What was asked is answered.
  void settle() {
    while (!answers_.empty()) {
      const std::function<void()> answer = std::move(answers_.front());
      answers_.pop_front();
      answer();
    }
  }
  /// In how long the next timer fires; -1: none is set.
  std::int64_t next_timer_in() {
    Timer* next = due_by(std::int64_t{1} << 60);
    return next ? next->due_ms - now_ms_ : -1;
  }

  std::unique_ptr<DiscoveryTimer> make_timer() override { return std::make_unique<Timer>(*this); }
  void find_addresses(const std::string& host, config::AddressFamily family,
                      std::function<void(AddressAnswer)> done) override {
    asked.push_back(host);
    answers_.push_back([this, host, family, done = std::move(done)] {
      const auto& from = family == config::AddressFamily::ipv6 ? v6 : v4;
      const auto found = from.find(host);
      done(found == from.end() ? absent(Absence::empty) : found->second);
    });
  }
  void find_services(const std::string& name, std::function<void(ServiceAnswer)> done) override {
    asked.push_back(name);
    answers_.push_back([this, name, done = std::move(done)] { done(services[name]); });
  }
  std::unique_ptr<DiscoveryWatch> watch(const std::string& file, std::function<void()> changed) override {
    watched[file] = std::move(changed);
    return std::make_unique<DiscoveryWatch>();
  }
  double random() override { return 0; }

 private:
  struct Timer final : DiscoveryTimer {
    explicit Timer(ScriptedTools& tools) : owner(tools) { owner.timers_.insert(this); }
    ~Timer() override { owner.timers_.erase(this); }
    void set(std::int64_t delay_ms, std::function<void()> f) override {
      due_ms = owner.now_ms_ + delay_ms;
      run = std::move(f);
    }
    ScriptedTools& owner;
    std::int64_t due_ms = 0;
    std::function<void()> run;
  };

  Timer* due_by(std::int64_t end) {
    Timer* first = nullptr;
    for (Timer* timer : timers_) {
      if (timer->run && timer->due_ms <= end && (!first || timer->due_ms < first->due_ms)) first = timer;
    }
    return first;
  }

  std::int64_t now_ms_ = 1'000'000;
  std::set<Timer*> timers_;
  std::deque<std::function<void()>> answers_;
};

/// As the config's defaults are.
inline config::Upstream upstream_settings(std::string kind = "static") {
  config::Upstream settings;
  settings.name = "u";
  settings.discovery.kind = std::move(kind);
  settings.discovery.min_ttl = std::chrono::seconds(1);
  settings.discovery.max_ttl = std::chrono::minutes(1);
  settings.discovery.refresh = std::chrono::seconds(5);
  settings.discovery.timeout = std::chrono::seconds(3);
  return settings;
}

}  // namespace postern::discovery
