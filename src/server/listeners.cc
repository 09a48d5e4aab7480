// Daemon's part that opens, keeps and closes listening sockets, its own and the admin server's, and says when all
// serve.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "admin/endpoints.h"
#include "base/log.h"
#include "identity/assertion.h"
#include "server/daemon.h"

namespace postern::server {

namespace asio = boost::asio;

// What is new is opened before anything is closed: a failure leaves all as it was.
bool Daemon::open_listeners(const config::Settings& settings, std::vector<Install>& installs, std::string& error) {
  std::map<std::string, OpenListener> now;
  const std::vector<std::string>& names = builder_.listener_names();
  for (const config::Listener& listener : settings.listeners) {
    const auto index = static_cast<std::uint16_t>(std::find(names.begin(), names.end(), listener.name) - names.begin());
    const std::string key = socket_key(listener);
    if (const auto there = open_listeners_.find(key); there != open_listeners_.end()) {
      now[key] = {index, there->second.fds};
      if (there->second.index == index) continue;
      for (Install& install : installs) install.moved.emplace_back(there->second.index, index);
      continue;
    }
    std::vector<int>& copies = (now[key] = {index, {}}).fds;
    if (open_new(listener, index, installs, copies, error)) continue;
    for (Install& install : installs) {
      for (const ListenerSocket& opened : install.opened) ::close(opened.fd);
    }
    for (const auto& [opened, entry] : now) {
      if (!open_listeners_.count(opened)) close_all(entry.fds);
    }
    return false;
  }
  for (const auto& [key, entry] : open_listeners_) {
    if (now.count(key)) continue;
    for (Install& install : installs) install.closed.push_back(entry.index);
    close_all(entry.fds);
  }
  open_listeners_ = std::move(now);
  return true;
}

bool Daemon::open_new(const config::Listener& listener, std::uint16_t index, std::vector<Install>& installs,
                      std::vector<int>& copies, std::string& error) {
  std::vector<int> given = inherited_.take(socket_key(listener), listener.name, net::resolve_now(listener.address));
  if (!given.empty())
    log::info("listening on inherited sockets", {{"listener", listener.name}, {"sockets", given.size()}});
  ListenSockets sockets = open_listener(listener, installs.size(), std::move(given));
  error = std::move(sockets.error);
  for (std::size_t i = 0; i < sockets.fds.size(); ++i) {
    installs[i % installs.size()].opened.push_back({index, sockets.fds[i]});
    const int copy = ::fcntl(sockets.fds[i], F_DUPFD_CLOEXEC, 0);
    if (copy >= 0) copies.push_back(copy);
  }
  return error.empty();
}

void Daemon::close_all(const std::vector<int>& fds) noexcept {
  for (const int fd : fds) ::close(fd);
}

// The cores' own are still open: they empty their queues first.
void Daemon::close_listeners() noexcept {
  for (const auto& [key, entry] : open_listeners_) close_all(entry.fds);
  open_listeners_.clear();
}

std::vector<HandoverSocket> Daemon::sockets_to_hand_over() const {
  std::vector<HandoverSocket> out;
  for (const auto& [key, entry] : open_listeners_) out.push_back({key, entry.fds, false});
  if (admin_ && admin_->descriptor() >= 0) {
    out.push_back({loaded_.settings.admin_listen, {admin_->descriptor()}, true});
  }
  return out;
}

bool Daemon::start_admin() {
  const std::string& address = loaded_.settings.admin_listen;
  if (address.empty()) return true;
  admin_ = std::make_unique<admin::Server>(io_);
  admin::add_standard_endpoints(*admin_, collector_, [this] {
    return draining_ ? std::string_view("draining") : installing_cores_ != 0 ? std::string_view("starting") : "";
  });
  revocations_.serve(*admin_);
  admin_->add("GET", "/assertion/jwks.json", [this](const admin::Request&) {
    const std::shared_ptr<const identity::AssertionKey> key = builder_.assertion_key();
    return key ? admin::Reply{200, key->jwks, "application/jwk-set+json"}
               : admin::Reply{404, "no route asserts anything\n"};
  });
  try {
    admin_->listen(address, inherited_.take_admin(address));
    return true;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "postern: admin: %s\n", e.what());
    return false;
  }
}

// Every core has its listeners open when it has done what was posted before.
void Daemon::await_cores() {
  installing_cores_ = cores_.size();
  for (auto& core : cores_) {
    core->loop().post([this] {
      asio::post(io_, [this] {
        if (--installing_cores_ == 0) announce();
      });
    });
  }
}

void Daemon::announce() {
  const bool handover = inherited_.is_handover();
  for (const std::string& address : inherited_.close_rest()) {
    if (handover)
      log::info("an inherited socket has left the config", {{"address", address}});
    else
      log::warn("no listener wants this inherited socket", {{"address", address}});
  }
  inherited_.say_ready();
  if (!draining_) notifier_.ready(fmt::format("serving with {} workers", cores_.size()));
  log::info("ready", {{"engine", net::to_string(engine_)}, {"cores", cores_.size()}, {"version", POSTERN_VERSION}});
}

}  // namespace postern::server
