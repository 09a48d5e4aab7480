// Arbitrary hosts, paths, methods and header values against a table that overlaps in every way it can.
// Checks what the pipeline relies on: variables and tail lie inside the path, a found path is one the route's pattern
// can take, rewrites are normalised, redirects hold nothing that could end a header line.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "http/uri.h"
#include "route/table.h"

namespace {

using postern::route::Match;
using postern::route::MatchInput;
using postern::route::RouteTable;

void require(bool condition) {
  if (!condition) std::abort();
}

postern::config::Route make(const char* path, const char* rewrite, const char* redirect) {
  postern::config::Route route;
  route.name = path;
  route.path = path;
  route.rewrite = rewrite;
  route.redirect = redirect;
  if (*redirect == '\0') route.forward = "u";
  return route;
}

std::unique_ptr<const RouteTable> make_table() {
  std::vector<postern::config::Route> routes{
      make("/*", "/all/{tail}", ""),
      make("/a/{x}", "/{x}/y", ""),
      make("/a/{x}/*", "", "https://{host}/{x}/{tail}{query}"),
      make("/a/b", "", "{path}{query}"),
      make("/a/{x}:p", "/v2/{x}", ""),
      make("/a/b{x}c/{y}", "/{y}/{x}", ""),
      make("/{x}/b/c", "", "/{x}?q=1{query}"),
      make("/", "", "{scheme}://{host}{path}"),
      make("/long/long/long/long/long/long/long/{z}", "/.{z}", ""),
      make("/a/b/*", "", "/{tail}"),
  };
  routes[1].hosts = {"*.example.com", "*.com"};
  routes[2].hosts = {"a.example.com"};
  routes[3].methods = {"GET", "PURGE"};
  routes[4].match_headers = {{"x-a", "1"}, {"x-b", "*"}};
  routes[5].listeners = {"one"};
  std::vector<postern::route::Problem> problems;
  auto table = RouteTable::build(
      routes, {"one", "two"}, [](std::string_view) { return 0u; }, problems);
  require(table != nullptr);
  return table;
}

// One line of the input, and the rest after it.
std::string_view take_line(std::string_view& input) {
  const std::size_t end = input.find('\n');
  const std::string_view line = input.substr(0, end);
  input.remove_prefix(end == input.npos ? input.size() : end + 1);
  return line;
}

bool lies_in(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_forward(const postern::route::Forward& forward, const MatchInput& input, const Match& match,
                   bool is_normal) {
  static std::vector<char> buffer(1 << 16);
  const auto path = forward.path.apply(input.path, match, buffer);
  if (!path || !is_normal) return;
  require(path->starts_with('/'));
  std::vector<char> scratch(path->size());
  const auto again =
      postern::http::normalise_path(*path, {postern::http::Slashes::keep, postern::http::EncodedSlash::keep}, scratch);
  require(again.ok() && again.path == *path);
}

void check_redirect(const postern::route::Redirect& redirect, const MatchInput& input, const Match& match) {
  static std::vector<char> buffer(1 << 16);
  const auto target = redirect.target.fill({"https", input.host, input.path, "?a=b"}, match, buffer);
  if (!target) return;
  for (const char c : *target) require(c > 0x20 && c < 0x7F);
  require(!target->starts_with("//") && !target->starts_with("/\\"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::unique_ptr<const RouteTable> table = make_table();
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view host = take_line(input);
  const std::string_view raw_path = take_line(input);
  const std::string_view method = take_line(input);
  postern::http::Fields fields;
  fields.add("x-a", take_line(input));
  fields.add("x-b", input);

  std::vector<char> scratch(raw_path.size());
  const auto normal = postern::http::normalise_path(raw_path, {}, scratch);
  for (const bool is_normal : {true, false}) {
    if (is_normal && !normal.ok()) continue;
    const MatchInput request{static_cast<std::uint32_t>(size % 3), host,   is_normal ? normal.path : raw_path,
                             postern::http::method_of(method),     method, fields};
    Match match;
    const postern::route::Route* route = table->match(request, match);
    if (route == nullptr) {
      char allow[64];
      require(match.outcome != postern::route::Outcome::method_not_allowed ||
              !table->write_allow(match.allowed, allow).empty());
      continue;
    }
    require(match.variable_count <= Match::kMaxVariables && lies_in(match.tail, request.path));
    for (std::size_t i = 0; i < match.variable_count; ++i) {
      const std::string_view value = match.variables[i];
      require(!value.empty() && lies_in(value, request.path) && value.find('/') == value.npos);
    }
    if (route->forward() != nullptr) check_forward(*route->forward(), request, match, is_normal);
    if (route->redirect() != nullptr) check_redirect(*route->redirect(), request, match);
  }
  return 0;
}
