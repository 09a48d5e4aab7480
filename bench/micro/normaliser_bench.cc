// The URI normaliser: a clean path (nearly every request), one with escapes, one with dot segments.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "http/uri.h"

namespace postern::http {
namespace {

void normalise(benchmark::State& state, const char* text) {
  const std::string path = text;
  std::array<char, 8192> scratch{};
  for (auto _ : state) {
    const UriResult result = normalise_path(path, {}, scratch);
    benchmark::DoNotOptimize(result.path.data());
  }
}
BENCHMARK_CAPTURE(normalise, clean_short, "/v1/models/resnet:predict");
BENCHMARK_CAPTURE(normalise, clean_long,
                  "/api/2.0/mlflow/registered-models/get-latest-versions/team/recommendation/production/eu");
BENCHMARK_CAPTURE(normalise, escapes, "/v1/models/caf%C3%A9%20noir%3Apredict");
BENCHMARK_CAPTURE(normalise, dot_segments, "/v1/./models/../models//resnet/%2e%2e/resnet:predict");

void query(benchmark::State& state) {
  const std::string text = "?verbose=1&signature_name=serving_default&label=caf%C3%A9";
  for (auto _ : state) benchmark::DoNotOptimize(check_query(text));
}
BENCHMARK(query);

}  // namespace
}  // namespace postern::http
