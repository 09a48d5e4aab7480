// A TLS client that counts handshakes, or holds idle connections. bench/run starts it; one thread, loopback only.
//   tlsload --port P --seconds T [--connections N] [--resume]   full (or resumed) handshakes; prints one JSON line
//   tlsload --port P --idle N [--plain]      N connections, one completed request on each, held until stdin closes
// A handshake counts when the server has answered our close_notify and FIN with its own end: only then has it
// certainly processed our Finished message and sent its tickets. Certificates are not verified (the signature in
// the handshake is). It measures servers under load, not their correctness.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  int port = 0;
  double seconds = 1;
  int connections = 16;
  int idle = 0;
  bool resume = false;
  bool plain = false;
};

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* value) const {
    Free(value);
  }
};
using SslPtr = std::unique_ptr<SSL, Freed<SSL_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>>;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "tlsload: %s: %s\n", what, errno != 0 ? std::strerror(errno) : "failed");
  std::exit(1);
}

int dial(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval patience{5, 0};  // a server that hangs ends the run, it does not stop the clock
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

// One connection with blocking calls: for the first session, and for the idle ones.
class Blocking {
 public:
  Blocking(int port, SSL_CTX* context) : fd_(dial(port)) {
    if (fd_ < 0) die("connect");
    if (context == nullptr) return;
    ssl_.reset(SSL_new(context));
    SSL_set_fd(ssl_.get(), fd_);
    SSL_set_tlsext_host_name(ssl_.get(), "localhost");
    if (SSL_connect(ssl_.get()) != 1) {
      ERR_print_errors_fp(stderr);
      die("TLS handshake");
    }
  }
  Blocking(Blocking&& other) noexcept : fd_(std::exchange(other.fd_, -1)), ssl_(std::move(other.ssl_)) {}
  Blocking& operator=(Blocking&&) = delete;
  ~Blocking() {
    if (ssl_) SSL_shutdown(ssl_.get());  // without it OpenSSL holds that the session is broken and never resumes it
    if (fd_ >= 0) close(fd_);
  }

  // GET /, and the whole of its answer (which must have a Content-Length).
  void request() {
    static constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    if (write(kRequest) != static_cast<int>(kRequest.size())) die("write");
    std::string answer;
    std::optional<std::size_t> wanted;
    while (!wanted || answer.size() < *wanted) {
      std::array<char, 4096> bytes;
      const int got = read(bytes.data(), static_cast<int>(bytes.size()));
      if (got <= 0) die("read of an answer");
      answer.append(bytes.data(), static_cast<std::size_t>(got));
      if (!wanted) wanted = whole_size(answer);
    }
    if (answer.compare(0, 12, "HTTP/1.1 200") != 0) die("an answer other than 200");
  }

  SSL* ssl() { return ssl_.get(); }

 private:
  static std::optional<std::size_t> whole_size(const std::string& answer) {
    const std::size_t end = answer.find("\r\n\r\n");
    if (end == std::string::npos) return std::nullopt;
    std::string head = answer.substr(0, end);
    std::transform(head.begin(), head.end(), head.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const std::size_t at = head.find("content-length:");
    return end + 4 + (at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 15, nullptr, 10));
  }
  int write(std::string_view bytes) {
    const int size = static_cast<int>(bytes.size());
    if (ssl_) return SSL_write(ssl_.get(), bytes.data(), size);
    return static_cast<int>(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
  int read(char* into, int size) {
    if (ssl_) return SSL_read(ssl_.get(), into, size);
    return static_cast<int>(recv(fd_, into, static_cast<std::size_t>(size), 0));
  }

  int fd_;
  SslPtr ssl_;
};

SessionPtr latest_session;  // the newest ticket of the opening connection

int keep_session(SSL*, SSL_SESSION* session) {
  latest_session.reset(session);
  return 1;  // ours now
}

ContextPtr make_context() {
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

// Handshakes as fast as the server and this thread allow, `connections` at a time.
class Load {
 public:
  Load(const Options& options, SSL_CTX* context, SSL_SESSION* session)
      : options_(options), context_(context), session_(session), poller_(epoll_create1(EPOLL_CLOEXEC)) {}

  void run() {
    const auto begin = Clock::now();
    const auto end =
        begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.seconds));
    std::vector<Attempt> attempts(static_cast<std::size_t>(options_.connections));
    for (Attempt& attempt : attempts) restart(attempt);
    std::array<epoll_event, 64> events;
    while (Clock::now() < end && failed_ < kMaxFailures) {
      const int count = epoll_wait(poller_, events.data(), static_cast<int>(events.size()), 100);
      for (int i = 0; i < count; ++i) {
        Attempt& attempt = *static_cast<Attempt*>(events[static_cast<std::size_t>(i)].data.ptr);
        step(attempt);
        restart(attempt);
      }
    }
    elapsed_ = std::chrono::duration<double>(Clock::now() - begin).count();
    for (Attempt& attempt : attempts) {
      if (attempt.fd >= 0) close(attempt.fd);
    }
    close(poller_);
  }

  void print(const std::string& protocol) {
    std::sort(micros_.begin(), micros_.end());
    const auto at = [&](double part) {
      return micros_.empty() ? 0.0 : micros_[static_cast<std::size_t>(static_cast<double>(micros_.size() - 1) * part)];
    };
    std::printf(
        "{\"requests\":%zu,\"seconds\":%.6f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"resumed\":%zu,\"errors\":%zu,"
        "\"protocol\":\"%s\"}\n",
        micros_.size(), elapsed_, at(0.50), at(0.99), resumed_, failed_, protocol.c_str());
  }

 private:
  static constexpr std::size_t kMaxFailures = 1000;

  struct Attempt {
    int fd = -1;
    SslPtr ssl;
    bool closing = false;
    std::uint32_t interest = 0;
    Clock::time_point begun;
    Clock::time_point shaken;
  };

  void restart(Attempt& attempt) {
    while (attempt.fd < 0 && failed_ < kMaxFailures) start(attempt);
  }

  void start(Attempt& attempt) {
    attempt.begun = Clock::now();
    attempt.closing = false;
    attempt.interest = EPOLLIN;
    attempt.fd = dial(options_.port);
    if (attempt.fd < 0) die("connect");
    attempt.ssl.reset(SSL_new(context_));
    SSL_set_tlsext_host_name(attempt.ssl.get(), "localhost");
    SSL_set_fd(attempt.ssl.get(), attempt.fd);
    if (session_ != nullptr) SSL_set_session(attempt.ssl.get(), session_);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &attempt;
    // Non-blocking from here: the connect before is over at once on loopback.
    if (fcntl(attempt.fd, F_SETFL, O_NONBLOCK) != 0) die("fcntl");
    if (epoll_ctl(poller_, EPOLL_CTL_ADD, attempt.fd, &event) != 0) die("epoll_ctl");
    step(attempt);
  }

  void finish(Attempt& attempt, bool good) {
    if (good) {
      micros_.push_back(std::chrono::duration<double, std::micro>(attempt.shaken - attempt.begun).count());
    } else {
      ++failed_;
    }
    ERR_clear_error();
    attempt.ssl.reset();
    close(attempt.fd);
    attempt.fd = -1;
  }

  void step(Attempt& attempt) {
    if (!attempt.closing) {
      const int result = SSL_connect(attempt.ssl.get());
      if (result != 1) {
        const int why = SSL_get_error(attempt.ssl.get(), result);
        if (why == SSL_ERROR_WANT_READ) return want(attempt, EPOLLIN);
        if (why == SSL_ERROR_WANT_WRITE) return want(attempt, EPOLLOUT);
        return finish(attempt, false);
      }
      attempt.shaken = Clock::now();
      if (SSL_session_reused(attempt.ssl.get()) == 1) ++resumed_;
      SSL_shutdown(attempt.ssl.get());
      shutdown(attempt.fd, SHUT_WR);
      attempt.closing = true;
      want(attempt, EPOLLIN);
    }
    std::array<char, 4096> rest;  // tickets and the server's own close: not worth decrypting
    ssize_t got = 0;
    while ((got = recv(attempt.fd, rest.data(), rest.size(), 0)) > 0) {
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    finish(attempt, true);
  }

  void want(Attempt& attempt, std::uint32_t events) {
    if (attempt.interest == events) return;
    epoll_event event{};
    event.events = events;
    event.data.ptr = &attempt;
    epoll_ctl(poller_, EPOLL_CTL_MOD, attempt.fd, &event);
    attempt.interest = events;
  }

  const Options& options_;
  SSL_CTX* context_;
  SSL_SESSION* session_;
  int poller_;
  double elapsed_ = 0;
  std::size_t resumed_ = 0;
  std::size_t failed_ = 0;
  std::vector<double> micros_;
};

// What was negotiated on the opening connection, so that a reader can see that all proxies did the same work.
std::string describe(SSL* ssl) {
  const int group = static_cast<int>(SSL_get_negotiated_group(ssl));
  const char* name = group != 0 ? OBJ_nid2sn(group) : "?";
  return std::string(SSL_get_version(ssl)) + " " + SSL_get_cipher_name(ssl) + " " + (name != nullptr ? name : "?");
}

int run_handshakes(const Options& options) {
  ContextPtr context = make_context();
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), keep_session);
  std::string protocol;
  {
    Blocking opening(options.port, context.get());
    opening.request();  // tickets of TLS 1.3 come before the answer
    protocol = describe(opening.ssl());
  }
  SSL_CTX_sess_set_new_cb(context.get(), nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (options.resume && !latest_session) die("the server gave no session to resume");
  Load load(options, context.get(), options.resume ? latest_session.get() : nullptr);
  load.run();
  load.print(protocol);
  latest_session.reset();
  return 0;
}

int hold_idle(const Options& options) {
  ContextPtr context = make_context();
  std::vector<Blocking> held;
  held.reserve(static_cast<std::size_t>(options.idle));
  for (int i = 0; i < options.idle; ++i) {
    held.emplace_back(options.port, options.plain ? nullptr : context.get()).request();
  }
  std::printf("{\"idle\":%d}\n", options.idle);
  std::fflush(stdout);
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}

std::optional<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--resume") {
      options.resume = true;
    } else if (name == "--plain") {
      options.plain = true;
    } else if (i + 1 == argc) {
      return std::nullopt;
    } else if (name == "--port") {
      options.port = std::atoi(argv[++i]);
    } else if (name == "--seconds") {
      options.seconds = std::atof(argv[++i]);
    } else if (name == "--connections") {
      options.connections = std::atoi(argv[++i]);
    } else if (name == "--idle") {
      options.idle = std::atoi(argv[++i]);
    } else {
      return std::nullopt;
    }
  }
  if (options.port <= 0 || options.seconds <= 0 || options.connections <= 0) return std::nullopt;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Options> options = parse_options(argc, argv);
  if (!options) {
    std::fprintf(stderr, "usage: tlsload --port P (--seconds T [--connections N] [--resume] | --idle N [--plain])\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  return options->idle > 0 ? hold_idle(*options) : run_handshakes(*options);
}
