// Lays the tries flat: children first, so that a parent's edge can carry its child's node; then every edge goes into
// the one hash table. Costs are added up on the way: `tries` of a node is an upper bound for what one request spends
// there.
#include "route/index_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "route/index_parts.h"
#include "route/path_trie.h"

namespace postern::route {
namespace {

struct Flat {
  Node node;
  std::uint32_t tries = 0;
};

struct Ending {
  std::uint32_t ref = 0;  // as Node::exact and Node::tail
  std::uint16_t methods = 0;
  std::uint32_t tries = 0;
};

class Builder {
 public:
  Builder(const std::vector<Conditions>& routes, std::size_t listener_count)
      : routes_(routes), listener_words_((listener_count + 63) / 64), taken_by_(routes.size(), kReached) {}

  Index run(std::vector<std::string> custom_methods) {
    index_.custom_methods = std::move(custom_methods);
    std::map<std::string, PathTrie> hosts;  // "" is any host
    for (const Conditions& route : routes_) {
      taken_by_[route.route] = kUnseen;
      if (route.hosts.empty()) hosts[""].insert(route.segments, route.route);
      for (const std::string& host : route.hosts) hosts[host].insert(route.segments, route.route);
    }
    add_hosts(hosts);
    return parts_.finish();
  }

  void report(const std::vector<std::string>& names, std::uint32_t max_tries, std::vector<Problem>& problems,
              std::uint32_t worst_case) const {
    for (std::size_t i = 0; i < taken_by_.size(); ++i) {
      if (taken_by_[i] >= kUnseen) continue;
      problems.push_back({fmt::format("route[{}]", i),
                          fmt::format("never matches: route \"{}\" takes the same requests", names[taken_by_[i]])});
    }
    if (worst_case > max_tries) {
      problems.push_back(
          {"route", fmt::format("paths overlap too much: a request could take {} tries to place, the limit is {}; use "
                                "fewer patterns that match the same segments",
                                worst_case, max_tries)});
    }
  }

 private:
  static constexpr std::uint32_t kUnseen = 0xFFFF'FFFE;
  static constexpr std::uint32_t kReached = 0xFFFF'FFFF;

  void add_hosts(const std::map<std::string, PathTrie>& hosts) {
    std::uint32_t exact = 0;
    std::map<std::size_t, std::uint32_t> wildcards;  // labels to the dearest; a request sees at most one of each
    for (const auto& [host, trie] : hosts) {
      const Flat root = flatten(trie);
      if (host.empty()) {
        index_.any_host = root.node;
        index_.worst_case += root.tries;
      } else if (host.starts_with("*.")) {
        const std::string suffix = host.substr(2);
        const auto labels = static_cast<std::size_t>(std::count(suffix.begin(), suffix.end(), '.')) + 1;
        index_.wildcard_labels |= std::uint64_t{1} << std::min<std::size_t>(labels, 63);
        wildcards[labels] = std::max(wildcards[labels], root.tries + 1);
        parts_.add_edge({Index::kWildcardHosts, suffix, root.node});
      } else {
        index_.has_exact_hosts = true;
        exact = std::max(exact, root.tries + 1);
        parts_.add_edge({Index::kExactHosts, host, root.node});
      }
    }
    index_.worst_case += exact;
    for (const auto& [labels, tries] : wildcards) index_.worst_case += tries;
  }

  // Segments without a choice become a text to compare; what follows them is the node.
  Flat flatten(const PathTrie& trie) {
    std::string skip;
    const PathTrie* at = &trie;
    for (; at->is_link(); at = &at->literals.begin()->second) {
      if (!skip.empty()) skip += '/';
      skip += at->literals.begin()->first;
    }
    Flat flat = flatten_node(*at);
    flat.node.skip = parts_.intern(skip);
    flat.node.skip_size = static_cast<std::uint16_t>(skip.size());
    return flat;
  }

  Flat flatten_node(const PathTrie& trie) {
    Flat flat;
    flat.node.id = parts_.new_owner();
    std::uint32_t below = 0;
    for (const auto& [text, child] : trie.literals) {
      const Flat inner = flatten(child);
      parts_.add_edge({flat.node.id, text, inner.node});
      flat.node.has_literals = true;
      below = std::max(below, inner.tries + 1);
    }
    below += flatten_patterns(trie, flat.node);
    if (trie.variable) {
      const Flat inner = flatten(*trie.variable);
      index_.nodes.push_back(inner.node);
      flat.node.variable = static_cast<std::uint32_t>(index_.nodes.size());
      below += inner.tries + 1;
    }
    const Ending exact = flatten_ending(trie.exact);
    const Ending tail = flatten_ending(trie.tail);
    flat.node.exact = exact.ref;
    flat.node.exact_methods = exact.methods;
    flat.node.tail = tail.ref;
    flat.node.tail_methods = tail.methods;
    flat.tries = std::max(exact.tries, below + tail.tries);
    return flat;
  }

  struct PatternSize {
    std::size_t prefix, suffix;
    // Most literal bytes first; of equally many, the longer prefix.
    bool operator<(const PatternSize& other) const {
      return std::tuple(other.prefix + other.suffix, other.prefix) < std::tuple(prefix + suffix, prefix);
    }
  };
  using SamePatterns = std::vector<std::pair<const PathTrie::Texts*, Flat>>;

  std::uint32_t flatten_patterns(const PathTrie& trie, Node& node) {
    std::map<PatternSize, SamePatterns> shapes;
    for (const auto& [texts, child] : trie.patterns) {
      shapes[{texts.first.size(), texts.second.size()}].push_back({&texts, flatten(child)});
    }
    // More than these cost more tries than any table may: it is refused before anybody reads the count.
    node.shape_count = static_cast<std::uint8_t>(std::min<std::size_t>(shapes.size(), 0xFF));
    node.first_shape = static_cast<std::uint32_t>(index_.shapes.size());
    std::uint32_t tries = 0;
    for (const auto& [size, patterns] : shapes) {
      Shape shape;
      shape.prefix_size = static_cast<std::uint32_t>(size.prefix);
      shape.suffix_size = static_cast<std::uint32_t>(size.suffix);
      if (patterns.size() == 1) {
        shape.text = parts_.intern(patterns[0].first->first + patterns[0].first->second);
        shape.node = patterns[0].second.node;
      } else {
        shape.owner = add_pattern_edges(patterns);
      }
      index_.shapes.push_back(shape);
      std::uint32_t dearest = 0;
      for (const auto& [texts, flat] : patterns) dearest = std::max(dearest, flat.tries);
      tries += dearest + 2;
    }
    return tries;
  }

  // Two lookups, prefix and suffix, however many patterns there are.
  std::uint32_t add_pattern_edges(const SamePatterns& patterns) {
    const std::uint32_t owner = parts_.new_owner();
    std::map<std::string, std::uint32_t> prefixes;  // to the owner of the suffixes
    for (const auto& [texts, flat] : patterns) {
      const auto& [prefix, suffix] = *texts;
      if (suffix.empty()) {
        parts_.add_edge({owner, prefix, flat.node});
        continue;
      }
      std::uint32_t from = owner;
      if (!prefix.empty()) {
        auto known = prefixes.find(prefix);
        if (known == prefixes.end()) known = prefixes.emplace(prefix, parts_.add_step(owner, prefix)).first;
        from = known->second;
      }
      parts_.add_edge({from, suffix, flat.node});
    }
    return owner;
  }

  static std::uint32_t rank_of(const Conditions& route) {
    return std::uint32_t{!route.listeners.empty()} << 31 | static_cast<std::uint32_t>(route.headers.size()) << 1 |
           std::uint32_t{!route.methods.is_all()};
  }

  // Header names of a group, values of a bucket.
  using Names = std::vector<std::pair<std::string, bool>>;
  using Values = std::vector<std::string>;
  using GroupBuckets = std::map<Values, std::vector<std::uint32_t>>;

  Ending flatten_ending(const std::vector<std::uint32_t>& routes) {
    if (routes.empty()) return {};
    const Conditions& first = routes_[routes[0]];
    const bool room = index_.method_sets.size() < 0xFFFF;
    if (routes.size() == 1 && first.listeners.empty() && first.headers.empty() && room) {
      taken_by_[first.route] = kReached;
      return {Node::kDirect | first.route, parts_.intern(first.methods), 1};
    }
    std::map<std::pair<std::uint32_t, Names>, GroupBuckets> groups;
    for (const std::uint32_t route : routes) {
      Names names;
      Values values;
      for (const WantedHeader& header : routes_[route].headers) {
        names.emplace_back(header.name, header.any_value);
        if (!header.any_value) values.push_back(header.value);
      }
      groups[{~rank_of(routes_[route]), names}][values].push_back(route);
    }
    Ending ending;
    ending.ref = static_cast<std::uint32_t>(index_.groups.size()) + 1;
    for (const auto& [key, buckets] : groups) ending.tries += add_group(~key.first, key.second, buckets);
    index_.groups.back().last = true;
    return ending;
  }

  std::uint32_t add_group(std::uint32_t rank, const Names& names, const GroupBuckets& buckets) {
    Group group;
    group.rank = rank;
    group.first_condition = static_cast<std::uint32_t>(index_.conditions.size());
    group.condition_count = static_cast<std::uint32_t>(names.size());
    group.owner = parts_.new_owner();
    for (const auto& [name, any] : names) index_.conditions.push_back({name, http::field_id(name), any});
    std::size_t longest = 0;
    std::map<Values, std::uint32_t> owners;  // of the edges behind these values
    for (const auto& [values, routes] : buckets) {
      longest = std::max(longest, routes.size());
      const std::uint32_t bucket = add_bucket(routes);
      if (values.empty()) {
        group.bucket = bucket;
        continue;
      }
      std::uint32_t owner = group.owner;
      Values before;
      for (std::size_t i = 0; i + 1 < values.size(); ++i) {
        before.push_back(values[i]);
        auto known = owners.find(before);
        if (known == owners.end()) known = owners.emplace(before, parts_.add_step(owner, values[i])).first;
        owner = known->second;
      }
      Node end;
      end.exact = bucket;
      parts_.add_edge({owner, values.back(), end});
    }
    index_.groups.push_back(group);
    return static_cast<std::uint32_t>(1 + 2 * names.size() + longest);
  }

  // Routes with the same header conditions: in config order, those without a chance left out.
  std::uint32_t add_bucket(const std::vector<std::uint32_t>& routes) {
    Bucket bucket{static_cast<std::uint32_t>(index_.candidates.size()), 0};
    std::vector<std::uint32_t> kept;
    for (const std::uint32_t route : routes) {
      const auto covers = [this, route](std::uint32_t earlier) { return takes_all_of(earlier, route); };
      const auto taker = std::find_if(kept.begin(), kept.end(), covers);
      if (taker != kept.end()) {
        if (taken_by_[route] == kUnseen) taken_by_[route] = *taker;
        continue;
      }
      taken_by_[route] = kReached;
      kept.push_back(route);
      index_.candidates.push_back({route, add_listeners(routes_[route].listeners), routes_[route].methods});
      ++bucket.count;
    }
    index_.buckets.push_back(bucket);
    return static_cast<std::uint32_t>(index_.buckets.size() - 1);
  }

  bool takes_all_of(std::uint32_t earlier, std::uint32_t later) const {
    const Conditions& a = routes_[earlier];
    const Conditions& b = routes_[later];
    const bool listeners =
        a.listeners.empty() || (!b.listeners.empty() && std::includes(a.listeners.begin(), a.listeners.end(),
                                                                      b.listeners.begin(), b.listeners.end()));
    return listeners && a.methods.contains(b.methods);
  }

  std::uint32_t add_listeners(const std::vector<std::uint32_t>& listeners) {
    if (listeners.empty()) return Candidate::kAnyListener;
    const std::size_t first = index_.listener_bits.size();
    index_.listener_bits.resize(first + listener_words_);
    for (const std::uint32_t listener : listeners) {
      index_.listener_bits[first + listener / 64] |= std::uint64_t{1} << (listener % 64);
    }
    return static_cast<std::uint32_t>(first);
  }

  const std::vector<Conditions>& routes_;
  const std::size_t listener_words_;
  std::vector<std::uint32_t> taken_by_;  // by route: a sentinel, or the route that leaves it no request
  IndexParts parts_;
  Index& index_ = parts_.index();
};

}  // namespace

Index build_index(const std::vector<Conditions>& routes, const std::vector<std::string>& names,
                  std::vector<std::string> custom_methods, std::size_t listener_count, std::uint32_t max_tries,
                  std::vector<Problem>& problems) {
  Builder builder(routes, listener_count);
  Index index = builder.run(std::move(custom_methods));
  builder.report(names, max_tries, problems, index.worst_case);
  return index;
}

}  // namespace postern::route
