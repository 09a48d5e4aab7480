// What one request and response head cost: parse with framing decision, normalise, write again.
// Figures of one run on the build machine stand in docs; compare on your own with --benchmark_repetitions.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "http/uri.h"
#include "wire/h1_parse.h"
#include "wire/h1_write.h"

namespace postern::wire {
namespace {

const char kBrowser[] =
    "GET /v1/models/resnet/versions/3/metadata?verbose=1 HTTP/1.1\r\n"
    "Host: models.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Referer: https://models.example.com/dashboard\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    "Cache-Control: no-cache\r\n"
    "Pragma: no-cache\r\n"
    "Connection: keep-alive\r\n"
    "\r\n";

const char kInference[] =
    "POST /v1/models/resnet:predict HTTP/1.1\r\n"
    "Host: 127.0.0.1:8080\r\n"
    "User-Agent: python-requests/2.31.0\r\n"
    "Accept: */*\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 1024\r\n"
    "\r\n";

const char kResponse[] =
    "HTTP/1.1 200 OK\r\n"
    "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "server: uvicorn\r\n"
    "content-length: 345\r\n"
    "content-type: application/json\r\n"
    "x-request-id: 6f1c2d3e-0000-4000-8000-1234567890ab\r\n"
    "\r\n";

void parse_request(benchmark::State& state, const char* text) {
  std::string bytes = text;
  http::RequestHead head;
  const HeadLimits limits;
  for (auto _ : state) {
    const ParseResult r = parse_request_head(bytes.data(), bytes.size(), 0, limits, http::Scheme::http, head);
    benchmark::DoNotOptimize(r.consumed);
    benchmark::DoNotOptimize(head);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK_CAPTURE(parse_request, ten_fields, kBrowser);
BENCHMARK_CAPTURE(parse_request, five_fields, kInference);

// Heads of different shapes in turn: the branch predictor cannot learn one by heart.
void parse_request_mixed(benchmark::State& state) {
  std::vector<std::string> heads;
  const std::string browser = kBrowser;
  std::uint32_t seed = 1;
  for (int i = 0; i < 64; ++i) {
    std::string head = browser.substr(0, browser.find("\r\n") + 2) + "Host: models.example.com\r\n";
    std::size_t at = browser.find("User-Agent");
    while (browser[at] != '\r') {
      const std::size_t end = browser.find("\r\n", at) + 2;
      seed = seed * 1664525 + 1013904223;
      const std::string line = browser.substr(at, end - at);
      if ((seed >> 28) < 13)
        head += line.substr(0, line.find(':') + 1 + (seed >> 8) % (line.size() - line.find(':') - 2)) + "\r\n";
      at = end;
    }
    heads.push_back(head + "\r\n");
  }
  http::RequestHead head;
  const HeadLimits limits;
  std::size_t i = 0;
  for (auto _ : state) {
    std::string& bytes = heads[i++ % heads.size()];
    const ParseResult r = parse_request_head(bytes.data(), bytes.size(), 0, limits, http::Scheme::http, head);
    benchmark::DoNotOptimize(r.consumed);
  }
}
BENCHMARK(parse_request_mixed);

void parse_request_bytewise(benchmark::State& state) {
  std::string bytes = kBrowser;
  http::RequestHead head;
  const HeadLimits limits;
  for (auto _ : state) {
    std::size_t scanned = 0;
    for (std::size_t size = 1; size <= bytes.size(); ++size) {
      const ParseResult r = parse_request_head(bytes.data(), size, scanned, limits, http::Scheme::http, head);
      benchmark::DoNotOptimize(r.status);
      scanned = size;
    }
  }
}
BENCHMARK(parse_request_bytewise);

void parse_response(benchmark::State& state) {
  std::string bytes = kResponse;
  http::ResponseHead head;
  const HeadLimits limits;
  for (auto _ : state) {
    const ParseResult r = parse_response_head(bytes.data(), bytes.size(), 0, limits, http::Method::post, head);
    benchmark::DoNotOptimize(r.consumed);
    benchmark::DoNotOptimize(head);
  }
}
BENCHMARK(parse_response);

void write_request(benchmark::State& state, const char* text) {
  std::string bytes = text;
  http::RequestHead head;
  parse_request_head(bytes.data(), bytes.size(), 0, {}, http::Scheme::http, head);
  std::vector<char> out(8192);
  for (auto _ : state) {
    benchmark::DoNotOptimize(request_head_bound(head, {}));
    benchmark::DoNotOptimize(write_request_head(out.data(), head, {}));
    benchmark::ClobberMemory();
  }
}
BENCHMARK_CAPTURE(write_request, ten_fields, kBrowser);
BENCHMARK_CAPTURE(write_request, five_fields, kInference);

void write_response(benchmark::State& state) {
  std::string bytes = kResponse;
  http::ResponseHead head;
  parse_response_head(bytes.data(), bytes.size(), 0, {}, http::Method::post, head);
  std::vector<char> out(8192);
  for (auto _ : state) {
    benchmark::DoNotOptimize(response_head_bound(head, {}));
    benchmark::DoNotOptimize(write_response_head(out.data(), head, {}));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(write_response);

}  // namespace
}  // namespace postern::wire
