// The table against a matcher that looks at every route in turn and compares preferences by their definition.
// Small alphabets, so that routes overlap, hide each other and fail in all combinations.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <tuple>

#include "config/path_pattern.h"
#include "unit/route/routes.h"

namespace postern::route::test {
namespace {

using config::PathSegment;

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  for (std::size_t from = 1;;) {
    const std::size_t slash = path.find('/', from);
    segments.emplace_back(path.substr(from, slash == path.npos ? path.npos : slash - from));
    if (slash == path.npos) return segments;
    from = slash + 1;
  }
}

// Smaller is dearer. One entry per segment: literal, pattern by literal bytes then prefix, variable, tail.
using Preference = std::vector<std::tuple<int, int, int>>;

bool path_matches(const std::vector<PathSegment>& pattern, const std::string& path, Preference& preference) {
  const std::vector<std::string> segments = split(path);
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const PathSegment& want = pattern[i];
    if (i == segments.size()) return false;
    if (want.kind == PathSegment::Kind::tail) {
      preference.emplace_back(3, 0, 0);
      return true;
    }
    const std::string& have = segments[i];
    if (want.kind == PathSegment::Kind::literal) {
      if (have != want.prefix) return false;
      preference.emplace_back(0, 0, 0);
      continue;
    }
    const std::size_t literal = want.prefix.size() + want.suffix.size();
    if (have.size() <= literal || !have.starts_with(want.prefix) || !have.ends_with(want.suffix)) return false;
    preference.emplace_back(literal > 0 ? 1 : 2, -static_cast<int>(literal), -static_cast<int>(want.prefix.size()));
  }
  return pattern.size() == segments.size();
}

// Exact: 0; wildcard: less for longer; any: 1000; none: -1.
int host_rank(const config::Route& route, const std::string& host) {
  int best = route.hosts.empty() ? 1000 : -1;
  for (const std::string& want : route.hosts) {
    int rank = -1;
    if (want == host) rank = 0;
    if (want.starts_with("*.") && host.size() > want.size() - 1 && host.ends_with(want.substr(1))) {
      rank = 900 - static_cast<int>(want.size());
    }
    if (rank >= 0 && (best < 0 || rank < best)) best = rank;
  }
  return best;
}

bool headers_match(const config::Route& route, const Request& request) {
  return std::all_of(route.match_headers.begin(), route.match_headers.end(), [&](const auto& want) {
    const auto same = [&](const auto& have) { return have.first == want.first; };
    const auto count = std::count_if(request.headers.begin(), request.headers.end(), same);
    if (want.second == "*") return count > 0;
    return count == 1 && std::find(request.headers.begin(), request.headers.end(), want) != request.headers.end();
  });
}

std::string naive(const std::vector<config::Route>& routes, const Request& request) {
  using Key = std::tuple<int, Preference, bool, std::size_t, bool, std::size_t>;
  std::optional<Key> best;
  bool other_method = false;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const config::Route& route = routes[i];
    Preference preference;
    const int host = host_rank(route, request.host);
    const bool listener = route.listeners.empty() ||
                          std::count(route.listeners.begin(), route.listeners.end(), kListeners[request.listener]) > 0;
    if (host < 0 || !listener || !headers_match(route, request)) continue;
    if (!path_matches(config::check_path_pattern(route.path).segments, request.path, preference)) continue;
    const auto lists = [&](const std::string& method) {
      return std::find(route.methods.begin(), route.methods.end(), method) != route.methods.end();
    };
    if (!route.methods.empty() && !lists(request.method) && !(request.method == "HEAD" && lists("GET"))) {
      other_method = true;
      continue;
    }
    const Key key{host, preference, route.listeners.empty(), 100 - route.match_headers.size(), route.methods.empty(),
                  i};
    if (!best || key < *best) best = key;
  }
  if (best) return routes[std::get<5>(*best)].name;
  return other_method ? "405" : "404";
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return engine_() % n; }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <class T>
  const T& one_of(const std::vector<T>& items) {
    return items[below(items.size())];
  }

  std::string pattern() {
    static const std::vector<std::string> kTexts{"a", "b", "ab", "a:p", "aa"};
    std::string path;
    const std::size_t depth = 1 + below(4);
    for (std::size_t i = 0; i < depth; ++i) {
      const std::size_t kind = below(10);
      path += '/';
      if (kind < 5) {
        path += one_of(kTexts);
      } else if (kind < 7) {
        path += fmt::format("{{v{}}}", i);
      } else if (kind < 9) {
        static const std::vector<std::string> kAround{"", "a", "b", ":p"};
        path += fmt::format("{}{{v{}}}{}", one_of(kAround), i, one_of(kAround));
      } else {
        path += i + 1 == depth && chance(50) ? "" : "*";
        return path;
      }
    }
    if (chance(15)) path += chance(50) ? "/" : "/*";
    return path;
  }

  config::Route route(std::size_t index) {
    RouteOf route(fmt::format("r{}", index), pattern());
    static const std::vector<std::string> kHosts{"a.com", "b.a.com", "*.a.com", "*.com", "*.b.a.com"};
    for (std::size_t i = below(3); i > 0 && chance(60); --i) route.raw().hosts.push_back(one_of(kHosts));
    static const std::vector<std::string> kMethods{"GET", "HEAD", "POST", "PURGE"};
    for (std::size_t i = below(3); i > 0 && chance(60); --i) route.raw().methods.push_back(one_of(kMethods));
    for (std::size_t i = below(2); i > 0; --i) route.raw().listeners.push_back(one_of(kListeners));
    if (chance(20)) route.raw().match_headers.emplace_back("x-a", chance(30) ? "*" : one_of(kTexts()));
    if (chance(20)) route.raw().match_headers.emplace_back("x-b", chance(30) ? "*" : one_of(kTexts()));
    return route;
  }

  Request request() {
    static const std::vector<std::string> kSegments{"a", "b", "ab", "a:p", "aa", "", "aab", "ba:p", ":p", "c"};
    static const std::vector<std::string> kHosts{"a.com", "b.a.com", "c.b.a.com", "x.com", "com", "z.org", "c.a.com"};
    static const std::vector<std::string> kMethods{"GET", "HEAD", "POST", "PURGE", "PUT", "purge"};
    Request request{"", one_of(kMethods), one_of(kHosts), static_cast<std::uint32_t>(below(kListeners.size()))};
    for (std::size_t i = 1 + below(5); i > 0; --i) request.path += "/" + one_of(kSegments);
    for (const char* name : {"x-a", "x-b"}) {
      for (std::size_t i = below(4); i > 1; --i) request.headers.emplace_back(name, one_of(kTexts()));
    }
    return request;
  }

 private:
  static const std::vector<std::string>& kTexts() {
    static const std::vector<std::string> texts{"1", "2"};
    return texts;
  }
  std::mt19937 engine_;
};

// Routes that others hide are mistakes: take them out until the table stands.
std::unique_ptr<const RouteTable> build_without_hidden(std::vector<config::Route>& routes) {
  for (;;) {
    std::vector<Problem> problems;
    auto table = RouteTable::build(routes, kListeners, resolve, problems);
    if (table) return table;
    std::vector<std::size_t> hidden;
    for (const Problem& problem : problems) {
      const bool expected = problem.message.find("takes the same requests") != std::string::npos;
      if (!expected) throw std::runtime_error(problem.key + ": " + problem.message);
      hidden.push_back(std::stoul(problem.key.substr(problem.key.find('[') + 1)));
    }
    for (auto at = hidden.rbegin(); at != hidden.rend(); ++at) {
      routes.erase(routes.begin() + static_cast<std::ptrdiff_t>(*at));
    }
  }
}

TEST(RouteModel, AgreesWithALinearSearchOverRandomTables) {
  std::size_t hits = 0;
  std::size_t wrong_methods = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    Random random(seed);
    std::vector<config::Route> routes;
    const std::size_t count = 1 + random.below(40);
    for (std::size_t i = 0; i < count; ++i) routes.push_back(random.route(i));
    const auto table = build_without_hidden(routes);
    for (int i = 0; i < 200; ++i) {
      const Request request = random.request();
      const std::string expected = naive(routes, request);
      const std::string actual = found(*table, request).substr(0, expected.starts_with("40") ? 3 : std::string::npos);
      ASSERT_EQ(actual, expected) << "seed " << seed << ": " << request.method << " " << request.path << " at "
                                  << request.host;
      hits += expected.starts_with("r") ? 1 : 0;
      wrong_methods += expected == "405" ? 1 : 0;
    }
  }
  EXPECT_GT(hits, 10'000u);  // else the random requests miss everything and prove nothing
  EXPECT_GT(wrong_methods, 500u);
}

}  // namespace
}  // namespace postern::route::test
