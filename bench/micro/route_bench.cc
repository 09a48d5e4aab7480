// Route match: what one request pays, and that it does not grow with the number of routes.
// Each iteration asks for another route of the table, in random order: the worst case for caches. Requests stand in the
// order in which they are used, because a real one has just been read and is warm; the table is what may be cold.
// Hot asks for the same route again and again, as a server with one busy model does.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "route/table.h"

namespace {

using postern::http::Fields;
using postern::http::Method;
using postern::route::Match;
using postern::route::MatchInput;
using postern::route::RouteTable;

struct Request {
  std::string host;
  std::string path;
  Method method = Method::post;
};

struct Workload {
  std::unique_ptr<const RouteTable> table;
  std::vector<Request> requests;
  Fields fields;
  std::string bytes;  // hosts and paths, one after the other
  std::vector<MatchInput> inputs;
};

postern::config::Route reply_route(std::size_t i) {
  postern::config::Route route;
  route.name = fmt::format("r{}", i);
  route.reply.emplace();
  return route;
}

void finish(Workload& load, const std::vector<postern::config::Route>& routes) {
  std::vector<postern::route::Problem> problems;
  load.table = RouteTable::build(
      routes, {"public"}, [](std::string_view) { return 0u; }, problems);
  if (!load.table) {
    fmt::print(stderr, "route_bench: {}: {}\n", problems[0].key, problems[0].message);
    std::exit(1);
  }
  // As many requests whatever the table's size: a short cycle would be learnt by the branch predictor.
  std::mt19937 random(7);
  const std::vector<Request> one_each = std::move(load.requests);
  load.requests.clear();
  for (std::size_t i = 0; i < 20'000; ++i) load.requests.push_back(one_each[random() % one_each.size()]);
  load.fields.add("content-type", "application/json");
  load.fields.add("user-agent", "bench/1");
  load.fields.add("x-tenant", "t1");
  for (const Request& request : load.requests) load.bytes += request.host + request.path;
}

// Once the workload has its final address.
void make_inputs(Workload& load) {
  std::string_view bytes = load.bytes;
  for (const Request& request : load.requests) {
    const std::string_view host = bytes.substr(0, request.host.size());
    bytes.remove_prefix(host.size());
    const std::string_view path = bytes.substr(0, request.path.size());
    bytes.remove_prefix(path.size());
    load.inputs.push_back(MatchInput{0, host, path, request.method, {}, load.fields});
  }
}

// One model per route: "/v1/models/m17:predict".
Workload exact_models(std::size_t count) {
  Workload load;
  std::vector<postern::config::Route> routes;
  for (std::size_t i = 0; i < count; ++i) {
    routes.push_back(reply_route(i));
    routes.back().path = fmt::format("/v1/models/m{}:predict", i);
    routes.back().methods = {"POST"};
    load.requests.push_back({"api.example.com", routes.back().path, Method::post});
  }
  finish(load, routes);
  return load;
}

// Templates under one name space per team: "/t17/v1/models/{model}:predict".
Workload templates(std::size_t count) {
  Workload load;
  std::vector<postern::config::Route> routes;
  for (std::size_t i = 0; i < count; ++i) {
    routes.push_back(reply_route(i));
    routes.back().path = fmt::format("/t{}/v1/models/{{model}}:predict", i);
    load.requests.push_back({"api.example.com", fmt::format("/t{}/v1/models/resnet50:predict", i), Method::post});
  }
  finish(load, routes);
  return load;
}

// One host per tenant, all with the same prefix.
Workload hosts(std::size_t count) {
  Workload load;
  std::vector<postern::config::Route> routes;
  for (std::size_t i = 0; i < count; ++i) {
    routes.push_back(reply_route(i));
    routes.back().hosts = {fmt::format("tenant-{}.example.com", i)};
    routes.back().path = "/v1/*";
    load.requests.push_back({fmt::format("Tenant-{}.example.com:8443", i), "/v1/models/resnet50:predict"});
  }
  finish(load, routes);
  return load;
}

// One tenant per header value, all on the same path.
Workload headers(std::size_t count) {
  Workload load;
  std::vector<postern::config::Route> routes;
  for (std::size_t i = 0; i < count; ++i) {
    routes.push_back(reply_route(i));
    routes.back().path = "/v1/*";
    routes.back().match_headers = {{"x-tenant", fmt::format("t{}", i)}};
  }
  load.requests.assign(count, {"api.example.com", "/v1/models/resnet50:predict"});
  finish(load, routes);
  return load;
}

// Everything at once: exact paths, prefixes, templates, exact and wildcard hosts, methods.
Workload mixed(std::size_t count) {
  Workload load;
  std::vector<postern::config::Route> routes;
  for (std::size_t i = 0; i < count; ++i) {
    routes.push_back(reply_route(i));
    postern::config::Route& route = routes.back();
    Request request{"api.example.com", {}, Method::get};
    switch (i % 5) {
      case 0:
        request.path = route.path = fmt::format("/app{}/index.html", i);
        break;
      case 1:
        route.path = fmt::format("/static{}/*", i);
        request.path = fmt::format("/static{}/css/site.css", i);
        break;
      case 2:
        route.path = fmt::format("/v1/models/{{model}}/versions/{{version}}:op{}", i);
        route.methods = {"GET", "POST"};
        request.path = fmt::format("/v1/models/resnet50/versions/12:op{}", i);
        break;
      case 3:
        route.hosts = {fmt::format("h{}.example.com", i)};
        request.path = route.path = "/v2/health/ready";
        request.host = route.hosts[0];
        break;
      default:
        route.hosts = {fmt::format("*.team{}.example.com", i)};
        route.path = "/v2/models/{model}/infer";
        request.path = "/v2/models/resnet50/infer";
        request.host = fmt::format("eu.team{}.example.com", i);
        break;
    }
    load.requests.push_back(request);
  }
  finish(load, routes);
  return load;
}

void run(benchmark::State& state, Workload load, std::size_t step) {
  make_inputs(load);
  Match match;
  std::size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(load.table->match(load.inputs[at], match));
    if (match.route == nullptr) state.SkipWithError("no route");
    at += step;
    if (at >= load.inputs.size()) at = 0;
  }
  state.counters["tries_bound"] = load.table->worst_case_tries();
}

template <Workload (*kMake)(std::size_t)>
void BM_RouteMatch(benchmark::State& state) {
  run(state, kMake(static_cast<std::size_t>(state.range(0))), 1);
}
void BM_RouteMatchHot(benchmark::State& state) {
  run(state, exact_models(static_cast<std::size_t>(state.range(0))), 0);
}
// What the loop itself costs: fetching the next request out of as many.
void BM_RouteMatchFloor(benchmark::State& state) {
  Workload load = exact_models(static_cast<std::size_t>(state.range(0)));
  make_inputs(load);
  std::size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(load.inputs[at].path.back() + load.inputs[at].host.back());
    if (++at >= load.inputs.size()) at = 0;
  }
}

BENCHMARK(BM_RouteMatchFloor)->Arg(10)->Arg(10'000);
BENCHMARK(BM_RouteMatchHot)->Arg(10)->Arg(10'000);
BENCHMARK_TEMPLATE(BM_RouteMatch, exact_models)->Arg(10)->Arg(100)->Arg(1'000)->Arg(10'000);
BENCHMARK_TEMPLATE(BM_RouteMatch, templates)->Arg(10)->Arg(10'000);
BENCHMARK_TEMPLATE(BM_RouteMatch, hosts)->Arg(10)->Arg(10'000);
BENCHMARK_TEMPLATE(BM_RouteMatch, headers)->Arg(10)->Arg(10'000);
BENCHMARK_TEMPLATE(BM_RouteMatch, mixed)->Arg(10)->Arg(10'000);

}  // namespace
