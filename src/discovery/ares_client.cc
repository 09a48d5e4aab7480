#include "discovery/ares_client.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <strings.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstring>
#include <stdexcept>

#include "discovery/dns_answer.h"

namespace postern::discovery {

namespace asio = boost::asio;

// The descriptor is c-ares' own: it is released, never closed.
struct AresClient::Socket {
  Socket(asio::io_context& io, ares_socket_t fd) : descriptor(io, fd) {}
  asio::posix::stream_descriptor descriptor;
  bool wants_read = false;
  bool wants_write = false;
  bool reading = false;
  bool writing = false;
  bool closed = false;
};

struct AresClient::AddressQuery {
  AresClient& client;
  std::function<void(AddressAnswer)> done;
};

struct AresClient::ServiceQuery {
  AresClient& client;
  std::function<void(ServiceAnswer)> done;
};

namespace {

/// Whether the DNS says that there is nothing, or says nothing.
Absence absence_of(int status) noexcept {
  switch (status) {
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
      return Absence::empty;
    case ARES_EBADRESP:
    case ARES_EBADNAME:
      return Absence::invalid;
    default:
      return Absence::failed;
  }
}

http::Address address_of(const sockaddr& from) noexcept {
  http::Address out;
  if (from.sa_family == AF_INET) {
    out.size = 4;
    std::memcpy(out.bytes.data(), &reinterpret_cast<const sockaddr_in&>(from).sin_addr, 4);
  } else if (from.sa_family == AF_INET6) {
    out.size = 16;
    std::memcpy(out.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, 16);
  }
  return out;
}

AddressAnswer to_answer(const ares_addrinfo* result) {
  AddressAnswer answer;
  std::uint32_t ttl = ~0u;
  for (const ares_addrinfo_node* node = result ? result->nodes : nullptr; node; node = node->ai_next) {
    ttl = std::min(ttl, node->ai_ttl > 0 ? static_cast<std::uint32_t>(node->ai_ttl) : 0u);
    if (answer.addresses.size() < kMostEndpoints) answer.addresses.push_back(address_of(*node->ai_addr));
  }
  answer.ttl_s = answer.addresses.empty() ? 0 : ttl;
  if (answer.addresses.empty()) answer.absence = Absence::empty;
  return answer;
}

/// RFC 6761 6.3: these are this machine, whatever a server says. Not left to c-ares, which says the same but loses a
/// copy of the name with each answer (1.18).
bool is_this_machine(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  constexpr std::string_view kName = "localhost";
  if (host.size() < kName.size()) return false;
  const std::string_view before = host.substr(0, host.size() - kName.size());
  return (before.empty() || before.back() == '.') &&
         ::strncasecmp(host.data() + before.size(), kName.data(), kName.size()) == 0;
}

AddressAnswer this_machine(config::AddressFamily family) {
  http::Address loopback;
  if (family == config::AddressFamily::ipv6) {
    loopback.size = 16;
    loopback.bytes[15] = 1;
  } else {
    loopback.size = 4;
    loopback.bytes[0] = 127;
    loopback.bytes[3] = 1;
  }
  AddressAnswer answer;
  answer.addresses.push_back(loopback);
  return answer;
}

}  // namespace

AresClient::AresClient(asio::io_context& io, Options options) : io_(io), options_(std::move(options)), timer_(io) {
  if (const int status = ::ares_library_init(ARES_LIB_INIT_ALL); status != ARES_SUCCESS) {
    throw std::runtime_error(std::string("c-ares: ") + ::ares_strerror(status));
  }
}

AresClient::~AresClient() {
  close();
  ::ares_library_cleanup();
}

bool AresClient::open(std::string& why) {
  ares_options options{};
  int mask = ARES_OPT_FLAGS | ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS | ARES_OPT_SOCK_STATE_CB;
  options.flags = ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
  options.tries = 2;
  options.timeout =
      static_cast<int>(std::max<std::int64_t>(options_.timeout_ms / 3, 1));  // the second waits twice that
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<AresClient*>(self)->on_socket(fd, readable != 0, writable != 0);
  };
  options.sock_state_cb_data = this;
  char lookups[] = "b";
  if (!options_.servers.empty()) {
    options.flags |= ARES_FLAG_NOSEARCH;
    options.lookups = lookups;
    mask |= ARES_OPT_LOOKUPS;
  }
#ifdef ARES_OPT_QUERY_CACHE
  mask |= ARES_OPT_QUERY_CACHE;  // off: who asks knows when
#endif
  int status = ::ares_init_options(&channel_, &options, mask);
  if (status != ARES_SUCCESS) {
    channel_ = nullptr;
  } else if (!options_.servers.empty()) {
    std::string list;
    for (const std::string& server : options_.servers) list += (list.empty() ? "" : ",") + server;
    status = ::ares_set_servers_ports_csv(channel_, list.c_str());
  }
  if (status == ARES_SUCCESS) return true;
  why = std::string("c-ares: ") + ::ares_strerror(status);
  close();
  return false;
}

void AresClient::close() {
  channel_life_.renew();
  timer_.cancel();
  if (channel_) ::ares_destroy(channel_);
  channel_ = nullptr;
  for (auto& [fd, socket] : sockets_) {  // none: each was given back when c-ares closed it
    socket->closed = true;
    socket->descriptor.release();
  }
  sockets_.clear();
}

bool AresClient::begin(std::string& why) {
  if (renew_ && running_ == 0) close();
  renew_ = renew_ && running_ != 0;
  return channel_ || open(why);
}

void AresClient::find_addresses(const std::string& host, config::AddressFamily family,
                                std::function<void(AddressAnswer)> done) {
  if (is_this_machine(host)) {
    asio::post(io_, life_.tie([d = std::move(done), answer = this_machine(family)] { d(answer); }));
    return;
  }
  std::string why;
  if (!begin(why)) {
    AddressAnswer answer{.absence = Absence::failed, .why = std::move(why), .ttl_s = 0, .addresses = {}};
    asio::post(io_, life_.tie([d = std::move(done), answer] { d(answer); }));
    return;
  }
  ares_addrinfo_hints hints{};
  hints.ai_family = family == config::AddressFamily::ipv6 ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NOSORT;
  auto query = std::make_unique<AddressQuery>(AddressQuery{*this, std::move(done)});
  ++running_;
  ::ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, on_addresses, query.release());
  set_timer();
}

void AresClient::find_services(const std::string& name, std::function<void(ServiceAnswer)> done) {
  std::string why;
  if (!begin(why)) {
    ServiceAnswer answer{.absence = Absence::failed, .why = std::move(why), .ttl_s = 0, .records = {}};
    asio::post(io_, life_.tie([d = std::move(done), answer] { d(answer); }));
    return;
  }
  auto query = std::make_unique<ServiceQuery>(ServiceQuery{*this, std::move(done)});
  ++running_;
  ::ares_query(channel_, name.c_str(), ns_c_in, ns_t_srv, on_services, query.release());
  set_timer();
}

void AresClient::ended(bool failed) noexcept {
  --running_;
  renew_ = renew_ || failed;
}

void AresClient::on_addresses(void* argument, int status, int, ares_addrinfo* result) {
  const std::unique_ptr<AddressQuery> query(static_cast<AddressQuery*>(argument));
  AddressAnswer answer = to_answer(result);
  if (result) ::ares_freeaddrinfo(result);
  if (status != ARES_SUCCESS) answer.absence = absence_of(status);
  if (answer.absence) answer.why = status == ARES_SUCCESS ? "no addresses" : ::ares_strerror(status);
  query->client.ended(answer.absence == Absence::failed);
  if (status == ARES_EDESTRUCTION) return;
  asio::post(query->client.io_, query->client.life_.tie([d = std::move(query->done), a = std::move(answer)]() mutable {
    d(std::move(a));
  }));
}

void AresClient::on_services(void* argument, int status, int, unsigned char* bytes, int size) {
  const std::unique_ptr<ServiceQuery> query(static_cast<ServiceQuery*>(argument));
  ServiceAnswer answer;
  if (status == ARES_SUCCESS) {
    answer = parse_services({bytes, static_cast<std::size_t>(size)});
  } else {
    answer.absence = absence_of(status);
    answer.why = ::ares_strerror(status);
  }
  query->client.ended(answer.absence == Absence::failed);
  if (status == ARES_EDESTRUCTION) return;
  asio::post(query->client.io_, query->client.life_.tie([d = std::move(query->done), a = std::move(answer)]() mutable {
    d(std::move(a));
  }));
}

void AresClient::on_socket(ares_socket_t fd, bool readable, bool writable) {
  const auto found = sockets_.find(fd);
  if (!readable && !writable) {
    if (found == sockets_.end()) return;
    found->second->closed = true;
    found->second->descriptor.release();
    sockets_.erase(found);
    return;
  }
  std::shared_ptr<Socket> socket = found == sockets_.end() ? nullptr : found->second;
  if (!socket) socket = sockets_[fd] = std::make_shared<Socket>(io_, fd);
  socket->wants_read = readable;
  socket->wants_write = writable;
  wait_for(socket);
}

void AresClient::wait_for(const std::shared_ptr<Socket>& socket) {
  const auto wait = [&](bool Socket::*waiting, bool Socket::*wants, asio::posix::descriptor_base::wait_type type) {
    if (!((*socket).*wants) || (*socket).*waiting) return;
    (*socket).*waiting = true;
    socket->descriptor.async_wait(type, channel_life_.tie([=, this](const boost::system::error_code& error) {
      if (error || socket->closed) return;
      (*socket).*waiting = false;
      const ares_socket_t fd = socket->descriptor.native_handle();
      const bool read = type == asio::posix::descriptor_base::wait_read;
      if ((*socket).*wants) ::ares_process_fd(channel_, read ? fd : ARES_SOCKET_BAD, read ? ARES_SOCKET_BAD : fd);
      if (!socket->closed) wait_for(socket);
      set_timer();
    }));
  };
  wait(&Socket::reading, &Socket::wants_read, asio::posix::descriptor_base::wait_read);
  wait(&Socket::writing, &Socket::wants_write, asio::posix::descriptor_base::wait_write);
}

void AresClient::set_timer() {
  if (!channel_) return;
  timeval left{};
  if (!::ares_timeout(channel_, nullptr, &left)) {
    timer_.cancel();
    return;
  }
  // c-ares rounds down: a millisecond more, or the timer would run in vain.
  timer_.expires_after(std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec + 1000));
  timer_.async_wait(channel_life_.tie([this](const boost::system::error_code& error) {
    if (error) return;
    ::ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer();
  }));
}

}  // namespace postern::discovery
