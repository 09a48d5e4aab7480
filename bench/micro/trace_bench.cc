// What a request pays for its place in a trace: headers found and read, written anew, and a recorded span's copy.
#include <benchmark/benchmark.h>

#include "base/byte_ring.h"
#include "base/random.h"
#include "trace/propagation.h"
#include "trace/settings.h"
#include "trace/span.h"

namespace {

using namespace postern;

http::Fields ten_fields(bool with_context) {
  http::Fields fields;
  for (const char* name : {"Host", "User-Agent", "Accept", "Accept-Language", "Accept-Encoding", "Authorization",
                           "Cookie", "Content-Type", "X-One", "X-Two"}) {
    fields.add(name, "value");
  }
  if (with_context) fields.add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  return fields;
}

void context_of_a_request(benchmark::State& state) {
  const http::Fields fields = ten_fields(state.range(0) != 0);
  config::Trace config;
  config.extract = {"w3c", "b3", "xray"};
  config.inject = {"w3c"};
  config.sample = "1%";
  const trace::Settings settings(config);
  Random random(1);
  trace::Outgoing outgoing;
  for (auto _ : state) {
    const trace::Headers headers = trace::find_headers(fields);
    const trace::Incoming incoming = trace::read_headers(headers, settings.order());
    const trace::TraceId id = incoming.found ? incoming.context.trace : settings.make_id(random.next(), random.next());
    outgoing.prepare(settings.inject(), id, random.next(), settings.samples(id), {});
    benchmark::DoNotOptimize(outgoing);
  }
}
BENCHMARK(context_of_a_request)->Arg(0)->Arg(1);

void recorded_span(benchmark::State& state) {
  ByteRing ring(1 << 20);
  trace::SpanRecord record;
  record.method = "POST";
  record.template_path = "/v1/models/{model}";
  record.path = "/v1/models/bert";
  record.host = "models.example.com";
  record.client = "203.0.113.7";
  record.user_agent = "python-requests/2.31.0";
  record.request_id = "0123456789abcdef0123456789abcdef";
  for (auto _ : state) {
    if (!trace::append(ring, record)) {
      ring.refresh();
      while (!ring.front().empty()) ring.pop();
    }
  }
}
BENCHMARK(recorded_span);

}  // namespace
