/* Reads endless server-sent events and tells how long each was on its way. bench/run starts it with sse_origin.
 * usage: sseload --port P [--streams N] [--path /events]
 * Prints "ready" when every stream has had an event. "go" on stdin begins a measurement; "stop" ends it and the
 * program, and prints one JSON line. The latency of an event is the time of its read less the time that it carries
 * (CLOCK_MONOTONIC ns, see sse_origin.c); late: more than 20 ms; lost: numbers that a stream has skipped.
 * One thread, one epoll, one read per event. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kBuffer = 65536, kEvents = 512, kLine = 64, kPatienceMs = 15000, kLateNs = 20000000 };
enum { kSubBits = 8, kBuckets = 40 << kSubBits }; /* log-linear: every power of two in 256 parts */

enum State { kHead, kChunkSize, kChunkRest, kChunkData, kChunkEnd, kPlain };

struct Stream {
  int fd;
  enum State state;
  bool started, chunked;
  uint32_t line_size, head_end;
  uint64_t left, next; /* of the chunk; the number that the next event should have */
  char line[kLine];    /* the begun line: of the head, or of an event */
};

static struct Stream* streams;
static int stream_count = 1000, started_count, poller = -1;
static uint64_t histogram[kBuckets], events_seen, lost, late, least = UINT64_MAX, most;
static bool measuring;

static void die(const char* what) {
  fprintf(stderr, "sseload: %s%s%s\n", what, errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
  exit(1);
}

static void fail(const char* what) {
  errno = 0;
  die(what);
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static unsigned bucket_of(uint64_t value) {
  if (value < (1U << kSubBits)) return (unsigned)value;
  unsigned shift = 63U - (unsigned)__builtin_clzll(value) - kSubBits;
  unsigned bucket = ((shift + 1) << kSubBits) + (unsigned)((value >> shift) & ((1U << kSubBits) - 1));
  return bucket < kBuckets ? bucket : kBuckets - 1;
}

static double middle_of(unsigned bucket) {
  if (bucket < (1U << kSubBits)) return bucket;
  unsigned shift = (bucket >> kSubBits) - 1;
  uint64_t low = (uint64_t)((1U << kSubBits) + (bucket & ((1U << kSubBits) - 1))) << shift;
  return (double)low + (double)(1ULL << shift) / 2;
}

static double percentile(double share) {
  uint64_t wanted = (uint64_t)((double)events_seen * share), seen = 0;
  for (unsigned i = 0; i < kBuckets; ++i) {
    seen += histogram[i];
    if (seen > wanted) return middle_of(i) / 1e3;
  }
  return (double)most / 1e3;
}

/* One line of the stream, without its end. Only data lines are of interest; proxies may add others. */
static void take_line(struct Stream* s, const char* line, size_t size, int64_t now) {
  if (size < 6 + 19 + 1 + 12 || memcmp(line, "data: ", 6) != 0) return;
  uint64_t stamp = 0, number = 0;
  for (int i = 6; i < 25; ++i) stamp = stamp * 10 + (uint64_t)(line[i] - '0');
  for (int i = 26; i < 38; ++i) number = number * 10 + (uint64_t)(line[i] - '0');
  if (!s->started) {
    s->started = true;
    ++started_count;
    s->next = number;
  }
  if (number < s->next) fail("an event came twice or out of order");
  uint64_t skipped = number - s->next;
  s->next = number + 1;
  if (!measuring) return;
  uint64_t latency = now > (int64_t)stamp ? (uint64_t)(now - (int64_t)stamp) : 0;
  ++histogram[bucket_of(latency)];
  ++events_seen;
  lost += skipped;
  if (latency > kLateNs) ++late;
  if (latency < least) least = latency;
  if (latency > most) most = latency;
}

/* Bytes of the body, whatever the cuts between chunks and reads: a line may come in parts. */
static void take_body(struct Stream* s, const char* bytes, size_t size, int64_t now) {
  while (size > 0) {
    const char* end = memchr(bytes, '\n', size);
    size_t part = end == NULL ? size : (size_t)(end - bytes);
    if (s->line_size == 0 && end != NULL) {
      if (part > 0) take_line(s, bytes, part, now);
    } else {
      if (s->line_size + part > kLine) fail("a line is too long");
      memcpy(s->line + s->line_size, bytes, part);
      s->line_size += (uint32_t)part;
      if (end == NULL) return;
      take_line(s, s->line, s->line_size, now);
      s->line_size = 0;
    }
    bytes += part + 1;
    size -= part + 1;
  }
}

/* Looks at the head's lines: the status must be 200, and the framing is wanted. Returns the bytes it used. */
static size_t take_head(struct Stream* s, const char* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    char c = bytes[i];
    if (c != '\n') {
      if (c != '\r' && s->line_size < kLine - 1) s->line[s->line_size++] = c;
      continue;
    }
    s->line[s->line_size] = '\0';
    if (s->head_end++ == 0 && strncmp(s->line, "HTTP/1.1 200", 12) != 0) fail(s->line);
    if (strncasecmp(s->line, "transfer-encoding:", 18) == 0) s->chunked = strcasestr(s->line, "chunked") != NULL;
    bool empty = s->line_size == 0;
    s->line_size = 0;
    if (empty) {
      s->state = s->chunked ? kChunkSize : kPlain;
      return i + 1;
    }
  }
  return size;
}

static void take(struct Stream* s, const char* bytes, size_t size, int64_t now) {
  for (const char* end = bytes + size; bytes < end;) {
    size_t have = (size_t)(end - bytes);
    if (s->state == kHead) {
      bytes += take_head(s, bytes, have);
    } else if (s->state == kPlain) {
      take_body(s, bytes, have, now);
      return;
    } else if (s->state == kChunkData) {
      size_t part = s->left < have ? (size_t)s->left : have;
      take_body(s, bytes, part, now);
      bytes += part;
      s->left -= part;
      if (s->left == 0) s->state = kChunkEnd;
    } else {
      char c = *bytes++;
      unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 32U) - 'a' + 10;
      if (c == '\n') {
        if (s->state != kChunkEnd && s->left == 0) fail("the stream has ended");
        s->state = s->state == kChunkEnd ? kChunkSize : kChunkData;
      } else if (s->state == kChunkSize && digit < 16) {
        s->left = s->left * 16 + digit;
      } else if (s->state == kChunkSize) {
        s->state = kChunkRest;
      }
    }
  }
}

static void serve(struct Stream* s) {
  static char buffer[kBuffer];
  ssize_t got = recv(s->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (got > 0) {
    take(s, buffer, (size_t)got, now_ns());
  } else if (got == 0) {
    fail("a stream was closed");
  } else if (errno != EAGAIN && errno != EINTR) {
    die("recv");
  }
}

static void dial(struct Stream* s, int port, const char* path) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  address.sin_port = htons((uint16_t)port);
  s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (s->fd < 0 || connect(s->fd, (const struct sockaddr*)&address, sizeof address) != 0) die("connect");
  char request[512];
  int size = snprintf(request, sizeof request,
                      "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n", path);
  if (send(s->fd, request, (size_t)size, MSG_NOSIGNAL) != size) die("send");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &event) != 0) die("epoll_ctl");
}

static void report(double seconds) {
  printf(
      "{\"requests\":%llu,\"seconds\":%.6f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"min_us\":%.1f,"
      "\"max_us\":%.1f,\"lost\":%llu,\"late\":%llu,\"streams\":%d}\n",
      (unsigned long long)events_seen, seconds, percentile(0.5), percentile(0.99), percentile(0.999),
      events_seen > 0 ? (double)least / 1e3 : 0.0, (double)most / 1e3, (unsigned long long)lost,
      (unsigned long long)late, stream_count);
}

/* A word on stdin. True when the program is to end. */
static bool command(void) {
  static int64_t begun;
  char word[16] = {0};
  ssize_t got = read(STDIN_FILENO, word, sizeof word - 1);
  if (got > 0 && strncmp(word, "go", 2) == 0) {
    measuring = true;
    begun = now_ns();
    return false;
  }
  if (got > 0 && measuring) report((double)(now_ns() - begun) / 1e9);
  return true;
}

int main(int argc, char** argv) {
  int port = 0;
  const char* path = "/events";
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--port") == 0) port = atoi(argv[i + 1]);
    if (strcmp(argv[i], "--streams") == 0) stream_count = atoi(argv[i + 1]);
    if (strcmp(argv[i], "--path") == 0) path = argv[i + 1];
  }
  if (port <= 0 || port > 65535 || stream_count <= 0) {
    fprintf(stderr, "usage: sseload --port P [--streams N] [--path /events]\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  streams = calloc((size_t)stream_count, sizeof *streams);
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
  if (streams == NULL || poller < 0) die("epoll_create1");
  if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0) die("stdin");
  for (int i = 0; i < stream_count; ++i) dial(&streams[i], port, path);
  bool ready = false;
  struct epoll_event events[kEvents];
  for (int64_t begun = now_ns();;) {
    int count = epoll_wait(poller, events, kEvents, 1000);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr != NULL) {
        serve(events[i].data.ptr);
      } else if (command()) {
        return 0;
      }
    }
    if (ready) continue;
    if (now_ns() - begun > kPatienceMs * 1000000LL) fail("not every stream gets its events");
    ready = started_count == stream_count;
    if (ready) printf("ready\n");
  }
}
