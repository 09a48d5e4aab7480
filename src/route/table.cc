// The walk from a request to its route, and the table's construction from its three parts (compile, build, match).
#include "route/table.h"

#include <algorithm>
#include <array>

#include "route/host_key.h"
#include "route/index_builder.h"

namespace postern::route {
namespace {

// One request's walk. Depth first, best alternatives first; the first ending that accepts the request wins.
class Search {
 public:
  Search(const Index& index, const MatchInput& input, Match& out) noexcept
      : index_(index), input_(input), out_(out), method_(method_bit(index, input.method, input.method_token)) {}

  bool run() noexcept {
    if (!input_.path.starts_with('/')) return false;
    if ((index_.has_exact_hosts || index_.wildcard_labels != 0) && !input_.host.empty() && by_host()) return true;
    return descend(index_.any_host, 1, 0);
  }

  [[nodiscard]] std::uint32_t route() const noexcept { return route_; }

 private:
  static constexpr std::size_t kEnd = std::string_view::npos;

  bool by_host() noexcept {
    const HostKey host(input_.host);
    const std::string_view text = host.text();
    if (index_.has_exact_hosts) {
      const Node* root = index_.find(Index::kExactHosts, text);
      if (root != nullptr && descend(*root, 1, 0)) return true;
    }
    if (index_.wildcard_labels == 0 || !host.has_labels()) return false;
    // "a.b.example.com": "b.example.com", then "example.com", then "com", where any wildcard has that many labels.
    auto labels = static_cast<std::size_t>(std::count(text.begin(), text.end(), '.'));
    for (std::size_t dot = text.find('.'); dot != kEnd; dot = text.find('.', dot + 1), --labels) {
      if (dot == 0 || (index_.wildcard_labels >> std::min<std::size_t>(labels, 63) & 1) == 0) continue;
      const Node* root = index_.find(Index::kWildcardHosts, text.substr(dot + 1));
      if (root != nullptr && descend(*root, 1, 0)) return true;
    }
    return false;
  }

  // `from` is where the next segment starts; kEnd when the path has none left. Depth is bounded by the longest pattern.
  bool descend(const Node& node, std::size_t from, std::size_t variables) noexcept {
    if (node.skip_size != 0 && !skip(node, from)) return false;
    if (from == kEnd) return accept(node.exact, node.exact_methods, variables);
    const std::string_view rest = input_.path.substr(from);
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    const std::size_t next = slash == kEnd ? kEnd : from + slash + 1;
    if (node.has_literals) {
      const Node* child = index_.find(node.id, segment);
      if (child != nullptr && descend(*child, next, variables)) return true;
    }
    for (std::uint32_t i = 0; i < node.shape_count; ++i) {
      if (try_shape(index_.shapes[node.first_shape + i], segment, next, variables)) return true;
    }
    if (node.variable != 0 && !segment.empty()) {
      out_.variables[variables] = segment;
      if (descend(index_.nodes[node.variable - 1], next, variables + 1)) return true;
    }
    if (!accept(node.tail, node.tail_methods, variables)) return false;
    out_.tail = rest;
    return true;
  }

  bool skip(const Node& node, std::size_t& from) const noexcept {
    if (from == kEnd) return false;
    const std::string_view rest = input_.path.substr(from);
    if (!rest.starts_with(index_.text_at(node.skip, node.skip_size))) return false;
    if (rest.size() == node.skip_size) {
      from = kEnd;
      return true;
    }
    from += node.skip_size + std::size_t{1};
    return rest[node.skip_size] == '/';
  }

  bool try_shape(const Shape& shape, std::string_view segment, std::size_t next, std::size_t variables) noexcept {
    if (segment.size() <= shape.prefix_size + shape.suffix_size) return false;  // a variable is never empty
    const std::size_t inner = segment.size() - shape.prefix_size - shape.suffix_size;
    const Node* child =
        find_pattern(shape, segment.substr(0, shape.prefix_size), segment.substr(shape.prefix_size + inner));
    if (child == nullptr) return false;
    out_.variables[variables] = segment.substr(shape.prefix_size, inner);
    return descend(*child, next, variables + 1);
  }

  const Node* find_pattern(const Shape& shape, std::string_view prefix, std::string_view suffix) const noexcept {
    if (shape.owner == 0) {
      const bool same = prefix == index_.text_at(shape.text, shape.prefix_size) &&
                        suffix == index_.text_at(shape.text + shape.prefix_size, shape.suffix_size);
      return same ? &shape.node : nullptr;
    }
    const Node* child = prefix.empty() ? nullptr : index_.find(shape.owner, prefix);
    if (suffix.empty() || (child == nullptr && !prefix.empty())) return child;
    return index_.find(child == nullptr ? shape.owner : child->id, suffix);
  }

  bool accept(std::uint32_t ending, std::uint16_t methods, std::size_t variables) noexcept {
    if (ending == 0) return false;
    if ((ending & Node::kDirect) == 0) {
      if (!accept_group(ending - 1)) return false;
    } else {
      if (!allows(index_.method_sets[methods])) return false;
      route_ = ending & ~Node::kDirect;
    }
    out_.variable_count = static_cast<std::uint8_t>(variables);
    return true;
  }

  // Groups stand by rank; among equals the earliest route of the config wins.
  bool accept_group(std::size_t at) noexcept {
    bool found = false;
    for (std::uint32_t rank = index_.groups[at].rank;; ++at) {
      const Group& group = index_.groups[at];
      if (group.rank != rank && found) return true;
      rank = group.rank;
      if (const Bucket* bucket = find_bucket(group)) {
        const Candidate* hit = pick(*bucket);
        if (hit != nullptr && (!found || hit->route < route_)) {
          route_ = hit->route;
          found = true;
        }
      }
      if (group.last) return found;
    }
  }

  const Bucket* find_bucket(const Group& group) const noexcept {
    std::uint32_t owner = group.owner;
    std::uint32_t bucket = group.bucket;
    for (std::uint32_t i = 0; i < group.condition_count; ++i) {
      const HeaderCondition& condition = index_.conditions[group.first_condition + i];
      std::string_view value;
      const std::size_t count = find_field(condition, value);
      if (count == 0) return nullptr;
      if (condition.any_value) continue;
      if (count > 1) return nullptr;  // two lines are a list, and a list equals no single value
      const Node* step = index_.find(owner, value);
      if (step == nullptr) return nullptr;
      owner = step->id;
      bucket = step->exact;
    }
    return &index_.buckets[bucket];
  }

  std::size_t find_field(const HeaderCondition& condition, std::string_view& value) const noexcept {
    std::size_t count = 0;
    for (std::size_t i = 0; i < input_.fields.size(); ++i) {
      if (input_.fields.id(i) != condition.id) continue;
      const http::Field field = input_.fields[i];
      if (condition.id == http::FieldId::other && !http::iequals(field.name, condition.name)) continue;
      value = field.value;
      ++count;
    }
    return count;
  }

  const Candidate* pick(const Bucket& bucket) noexcept {
    for (std::uint32_t i = 0; i < bucket.count; ++i) {
      const Candidate& candidate = index_.candidates[bucket.first + i];
      if (listens(candidate) && allows(candidate.methods)) return &candidate;
    }
    return nullptr;
  }

  bool listens(const Candidate& candidate) const noexcept {
    if (candidate.listeners == Candidate::kAnyListener) return true;
    const std::uint32_t listener = input_.listener;
    return (index_.listener_bits[candidate.listeners + listener / 64] >> (listener % 64) & 1) != 0;
  }

  // Called when all but the method has matched: what fails here is what Allow will say.
  bool allows(MethodSet methods) noexcept {
    if (methods.is_all() || methods.intersects(method_)) return true;
    out_.allowed.add(methods);
    return false;
  }

  const Index& index_;
  const MatchInput& input_;
  Match& out_;
  const MethodSet method_;
  std::uint32_t route_ = 0;
};

struct NamedMethod {
  http::Method method;
  std::string_view name;
};
constexpr std::array kMethodNames{
    NamedMethod{http::Method::get, "GET"},         NamedMethod{http::Method::head, "HEAD"},
    NamedMethod{http::Method::post, "POST"},       NamedMethod{http::Method::put, "PUT"},
    NamedMethod{http::Method::patch, "PATCH"},     NamedMethod{http::Method::del, "DELETE"},
    NamedMethod{http::Method::options, "OPTIONS"}, NamedMethod{http::Method::query, "QUERY"},
    NamedMethod{http::Method::trace, "TRACE"},     NamedMethod{http::Method::connect, "CONNECT"},
};

}  // namespace

std::unique_ptr<const RouteTable> RouteTable::build(const std::vector<config::Route>& routes,
                                                    const std::vector<std::string>& listeners,
                                                    const UpstreamResolver& upstreams, std::vector<Problem>& problems) {
  std::unique_ptr<RouteTable> table(new RouteTable(listeners.size()));
  const std::size_t problems_before = problems.size();
  std::vector<Conditions> conditions;
  std::vector<std::string> names;
  std::vector<std::string> custom_methods;
  CompileContext context{listeners, upstreams, custom_methods, problems};
  table->routes_.reserve(routes.size());
  for (const config::Route& route : routes) {
    CompiledRoute compiled = compile_route(route, static_cast<std::uint32_t>(conditions.size()), context);
    table->routes_.push_back(std::move(compiled.route));
    conditions.push_back(std::move(compiled.conditions));
    names.push_back(route.name);
  }
  if (problems.size() != problems_before) return nullptr;
  table->index_ = build_index(conditions, names, std::move(custom_methods), listeners.size(), kMaxTries, problems);
  if (problems.size() != problems_before) return nullptr;
  return table;
}

const Route* RouteTable::match(const MatchInput& input, Match& out) const noexcept {
  out.route = nullptr;
  out.outcome = Outcome::no_route;
  out.variable_count = 0;
  out.allowed = MethodSet();
  out.tail = {};
  if (input.listener >= listener_count_) return nullptr;
  Search search(index_, input, out);
  if (search.run()) {
    out.route = &routes_[search.route()];
    out.outcome = Outcome::found;
    out.allowed = MethodSet();
  } else if (!out.allowed.empty()) {
    out.outcome = Outcome::method_not_allowed;
  }
  return out.route;
}

std::string_view RouteTable::write_allow(MethodSet methods, std::span<char> buffer) const noexcept {
  std::size_t size = 0;
  const auto append = [&](std::string_view name) {
    const std::string_view separator = size == 0 ? "" : ", ";
    if (separator.size() + name.size() > buffer.size() - size) return;
    size += separator.copy(buffer.data() + size, separator.size());
    size += name.copy(buffer.data() + size, name.size());
  };
  for (const NamedMethod& known : kMethodNames) {
    if (methods.contains(MethodSet::of(known.method))) append(known.name);
  }
  for (std::size_t i = 0; i < index_.custom_methods.size(); ++i) {
    if (methods.contains(MethodSet::custom(static_cast<unsigned>(i)))) append(index_.custom_methods[i]);
  }
  return {buffer.data(), size};
}

}  // namespace postern::route
