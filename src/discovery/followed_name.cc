#include "discovery/followed_name.h"

#include <algorithm>

#include "discovery/dns_answer.h"

namespace postern::discovery {

using config::AddressFamily;

namespace {

constexpr std::array<AddressFamily, 2> kAsked{AddressFamily::ipv4, AddressFamily::ipv6};

bool comes_before(const http::Address& a, const http::Address& b) noexcept {
  return a.size != b.size ? a.size < b.size : a.bytes < b.bytes;
}

/// What may be used, in an order that does not change from answer to answer.
void tidy(FollowedName::Addresses& addresses) {
  std::erase_if(addresses, [](const http::Address& a) { return !is_usable(a); });
  std::sort(addresses.begin(), addresses.end(), comes_before);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  if (addresses.size() > kMostEndpoints) addresses.resize(kMostEndpoints);
}

}  // namespace

FollowedName::FollowedName(DiscoveryTools& tools, const config::Discovery& settings, std::string host, Owner& owner)
    : tools_(tools),
      host_(std::move(host)),
      family_(settings.family),
      owner_(owner),
      pace_(settings),
      timer_(tools.make_timer()) {}

void FollowedName::start(const Addresses& known) {
  for (const http::Address& address : known) good_addresses_[address.size == 4 ? 0 : 1].push_back(address);
  look();
}

FollowedName::Addresses FollowedName::addresses() const {
  Addresses all = good_addresses_[0];
  all.insert(all.end(), good_addresses_[1].begin(), good_addresses_[1].end());
  return all;
}

void FollowedName::look() {
  for (std::size_t i = 0; i < kFamilies; ++i) {
    answers_[i].reset();
    if (family_ == AddressFamily::any || family_ == kAsked[i]) ++missing_;
  }
  for (std::size_t i = 0; i < kFamilies; ++i) {
    if (family_ != AddressFamily::any && family_ != kAsked[i]) continue;
    tools_.find_addresses(host_, kAsked[i],
                          life_.tie([this, i](AddressAnswer answer) { on_answer(i, std::move(answer)); }));
  }
}

void FollowedName::on_answer(std::size_t family, AddressAnswer answer) {
  if (!answer.absence) {
    tidy(answer.addresses);
    if (answer.addresses.empty()) {
      answer.absence = Absence::empty;
      answer.why = "no address that could be connected to";
    }
  }
  answers_[family] = std::move(answer);
  if (--missing_ == 0) evaluate();
}

// Good is a look that gave addresses of either family. The other one's are replaced as well when it is known that there
// are none, and stay when its answer failed. Without a good answer all stays.
void FollowedName::evaluate() {
  settled_ = true;
  good_ = false;
  std::optional<Absence> absence;
  std::string why;
  std::uint32_t ttl = ~0u;
  for (const std::optional<AddressAnswer>& answer : answers_) {
    if (!answer) continue;
    if (!answer->absence) {
      good_ = true;
      ttl = std::min(ttl, answer->ttl_s);
    } else if (!absence || *absence == Absence::empty) {  // "failed" says more than "there are none"
      absence = answer->absence;
      why = answer->why;
    }
  }
  const std::array<Addresses, kFamilies> before = good_addresses_;
  if (good_) {
    for (std::size_t i = 0; i < kFamilies; ++i) {
      const std::optional<AddressAnswer>& answer = answers_[i];
      if (answer && (!answer->absence || *answer->absence == Absence::empty)) good_addresses_[i] = answer->addresses;
    }
    absence.reset();
    why.clear();
  }
  const double random = tools_.random();
  timer_->set(good_ ? pace_.after_good(ttl, random) : pace_.after_bad(random), [this] { look(); });
  owner_.on_looked_up(*this, absence, why, before != good_addresses_);
}

}  // namespace postern::discovery
