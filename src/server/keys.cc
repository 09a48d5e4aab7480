// Daemon's part between the keeper of keys and the cores: new keys go to every core, questions of requests come back
// with an answer. Everything passes the control thread in one order, so that keys are there before the answer is.
#include "identity/core_identity.h"
#include "server/daemon.h"

namespace postern::server {

namespace asio = boost::asio;

// Any core. The answer is sure when the issuer has just been asked, or was a moment ago and answered.
void Daemon::ask_for_key(std::size_t core, const std::string& issuer, const std::string& kid, std::uint64_t place) {
  keeper_->ask(issuer, kid, [this, core, issuer, place](bool fetched) {
    const bool is_sure = fetched || !keeper_->is_failing(issuer);
    asio::post(io_, [this, core, place, is_sure] { cores_[core]->post_answer(place, is_sure); });
  });
}

void Daemon::publish_keys(identity::IssuerKeeper::Set set) {
  const std::shared_ptr<const identity::IdentitySources> sources = builder_.with_keys(std::move(set));
  if (!sources) return;  // of a config that is not any more
  for (auto& core : cores_) core->post_identity(sources);
}

}  // namespace postern::server
