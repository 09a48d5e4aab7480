// What a request's line in the access log costs: the copy into the ring, the line made of it, the file's share.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "accesslog/format.h"
#include "base/byte_ring.h"

namespace postern::accesslog {
namespace {

AccessRecord example(std::int64_t number) {
  AccessRecord record;
  record.time_ns = 1'767'225'599'123'456'789 + number * 20'000;
  record.duration_ns = 1'234'567 + number % 1000;
  record.upstream_ns = 900'000 + number % 1000;
  record.bytes_in = 1024;
  record.bytes_out = 120;
  record.status = 200;
  record.request_id = "0123456789abcdef0123456789abcdef";
  record.client = "127.0.0.1";
  record.listener = "plain";
  record.route = "tcp";
  record.method = "POST";
  record.host = "127.0.0.1:18080";
  record.target = "/v1/models/example:predict";
  record.upstream = "tcp";
  record.endpoint = "127.0.0.1:19000";
  return record;
}

void copy_into_ring(benchmark::State& state) {
  ByteRing ring(std::size_t{1} << 20);
  std::int64_t number = 0;
  for (auto _ : state) {
    if (!append(ring, example(++number))) {
      state.PauseTiming();
      for (ring.refresh(); !ring.front().empty();) ring.pop();
      state.ResumeTiming();
    }
  }
}
BENCHMARK(copy_into_ring);

/// The whole of the writer's work but the write: out of the ring, into a line.
void make_line(benchmark::State& state, Format format, const char* line_template) {
  ByteRing ring(std::size_t{1} << 20);
  LineFormatter formatter(format, line_template);
  std::string batch;
  batch.reserve(128 << 10);
  DecodedRecord decoded;
  std::int64_t number = 0;
  ring.refresh();
  for (auto _ : state) {
    if (ring.front().empty()) {
      state.PauseTiming();
      while (append(ring, example(++number))) {
      }
      ring.refresh();
      state.ResumeTiming();
    }
    decode(ring.front(), decoded);
    formatter.append(batch, decoded);
    ring.pop();
    if (batch.size() > (64 << 10)) batch.clear();
  }
}
BENCHMARK_CAPTURE(make_line, json, Format::json, "");
BENCHMARK_CAPTURE(make_line, common, Format::common, "");
BENCHMARK_CAPTURE(make_line, combined, Format::combined, "");
BENCHMARK_CAPTURE(make_line, by_template, Format::text,
                  "{client} {request_id} \"{method} {target}\" {status} {duration_ms}");

/// 64 KiB at a time, by the line of 400 bytes.
void write_file(benchmark::State& state) {
  constexpr std::size_t kBatch = 64 << 10, kLine = 400;
  const std::string batch(kBatch, 'x');
  char path[] = "/tmp/access_log_bench.XXXXXX";
  const int fd = ::mkstemp(path);
  ::unlink(path);
  std::size_t lines = 0;
  for (auto _ : state) {
    if (++lines % (kBatch / kLine) == 0) benchmark::DoNotOptimize(::write(fd, batch.data(), batch.size()));
    if (lines % 1'000'000 == 0) benchmark::DoNotOptimize(::ftruncate(fd, 0));
  }
  ::close(fd);
}
BENCHMARK(write_file);

}  // namespace
}  // namespace postern::accesslog
