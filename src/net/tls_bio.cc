#include "net/tls_bio.h"

#include <sys/socket.h>

#include <cerrno>
#include <new>

namespace postern::net {
namespace {

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

int read_fd(BIO* bio, char* into, std::size_t room, std::size_t* moved) {
  auto& state = *static_cast<TlsBioState*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *moved = 0;
  if (state.poisoned || state.eof) return 0;
  if (!state.drained && !state.hold) {
    const ssize_t got = ::recv(state.fd, into, room, MSG_DONTWAIT);
    if (got > 0) {
      *moved = static_cast<std::size_t>(got);
      state.drained = *moved < room;
      return 1;
    }
    if (got == 0) {
      state.eof = true;
      return 0;
    }
    if (!would_block(errno)) {
      state.error = errno;
      return 0;
    }
  }
  state.blocked_read = true;
  BIO_set_retry_read(bio);
  return 0;
}

int write_fd(BIO* bio, const char* from, std::size_t size, std::size_t* moved) {
  auto& state = *static_cast<TlsBioState*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *moved = 0;
  const ssize_t sent = ::send(state.fd, from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) {
    *moved = static_cast<std::size_t>(sent);
    return 1;
  }
  if (would_block(errno)) {
    state.blocked_write = true;
    BIO_set_retry_write(bio);
  } else if (!state.eof) {  // after a FIN, OpenSSL's alert meets a closed socket; the FIN is what happened
    state.error = errno;
  }
  return 0;
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return static_cast<TlsBioState*>(BIO_get_data(bio))->eof ? 1 : 0;
  return 0;
}

}  // namespace

TlsBioMethod::TlsBioMethod() : method_(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "descriptor")) {
  if (!method_) throw std::bad_alloc();
  BIO_meth_set_read_ex(method_.get(), &read_fd);
  BIO_meth_set_write_ex(method_.get(), &write_fd);
  BIO_meth_set_ctrl(method_.get(), &control);
}

TlsBioState& TlsBioMethod::state_of(const SSL* ssl) noexcept {
  return *static_cast<TlsBioState*>(BIO_get_data(SSL_get_rbio(ssl)));
}

BIO* TlsBioMethod::make(TlsBioState& state) const noexcept {
  BIO* bio = BIO_new(method_.get());
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &state);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace postern::net
