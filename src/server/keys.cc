// Daemon's part between those who ask issuers and the cores: new keys go to every core, questions of requests come back
// with an answer. Keys pass the control thread in one order, so that they are there before the answer is; what an
// issuer says of a token is all in the answer, and goes to its core at once.
#include "identity/core_identity.h"
#include "server/daemon.h"

namespace postern::server {

namespace asio = boost::asio;

// Any core. The answer is sure when the issuer has just been asked, or was a moment ago and answered.
void Daemon::ask_for_key(std::size_t core, const std::string& issuer, std::string_view kid, std::uint64_t place) {
  keeper_->ask(issuer, std::string(kid), [this, core, issuer, place](bool fetched) {
    const bool is_sure = fetched || !keeper_->is_failing(issuer);
    asio::post(io_, [this, core, place, is_sure] { cores_[core]->post_answer(place, is_sure); });
  });
}

// Any core.
void Daemon::ask_about_token(std::size_t core, const std::string& issuer, std::string_view token, std::uint64_t place) {
  introspector_->ask(
      issuer, std::make_shared<const crypto::SecretText>(token),
      [this, core, place](const identity::Introspector::Said& said) { cores_[core]->post_introspection(place, said); });
}

// Any core.
void Daemon::ask_for_groups(std::size_t core, const std::string& issuer, std::string_view path, std::uint64_t place) {
  directory_->ask(issuer, std::string(path),
                  [this, core, place](const identity::Groups& groups) { cores_[core]->post_groups(place, groups); });
}

void Daemon::publish_keys(identity::IssuerKeeper::Set set) {
  const std::shared_ptr<const identity::IdentitySources> sources = builder_.with_keys(std::move(set));
  if (!sources) return;  // of a config that is not any more
  for (auto& core : cores_) core->post_identity(sources);
}

}  // namespace postern::server
