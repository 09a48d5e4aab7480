// The tries as they grow, before they are laid flat: one per host, one edge per distinct path segment.
// Only index_builder.cc uses it, at start-up and reload.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/path_pattern.h"

namespace postern::route {

struct PathTrie {
  using Texts = std::pair<std::string, std::string>;  // before and behind the variable

  std::map<std::string, PathTrie> literals;
  std::map<Texts, PathTrie> patterns;
  std::unique_ptr<PathTrie> variable;
  std::vector<std::uint32_t> exact;  // routes, in config order
  std::vector<std::uint32_t> tail;

  /// One way on, nothing ends here. (An empty segment, the one after a final '/', always stays an edge.)
  [[nodiscard]] bool is_link() const {
    return literals.size() == 1 && !literals.begin()->first.empty() && patterns.empty() && !variable && exact.empty() &&
           tail.empty();
  }

  void insert(const std::vector<config::PathSegment>& segments, std::uint32_t route) {
    PathTrie* at = this;
    for (const config::PathSegment& segment : segments) {
      if (segment.kind == config::PathSegment::Kind::tail) return at->tail.push_back(route);
      at = &at->child(segment);
    }
    at->exact.push_back(route);
  }

 private:
  PathTrie& child(const config::PathSegment& segment) {
    if (segment.kind == config::PathSegment::Kind::literal) return literals[segment.prefix];
    if (!segment.prefix.empty() || !segment.suffix.empty()) return patterns[{segment.prefix, segment.suffix}];
    if (!variable) variable = std::make_unique<PathTrie>();
    return *variable;
  }
};

}  // namespace postern::route
