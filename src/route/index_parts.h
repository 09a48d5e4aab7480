// The index while it grows: owners given out, edges collected, texts and method sets kept once; finish() hashes it all.
// Only index_builder.cc uses it, at start-up and reload.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "route/index.h"

namespace postern::route {

struct Edge {
  std::uint32_t owner = 0;
  std::string text;
  Node node;
};

class IndexParts {
 public:
  Index& index() { return index_; }
  std::uint32_t new_owner() { return next_owner_++; }
  void add_edge(Edge edge) { edges_.push_back(std::move(edge)); }

  /// An edge to a node that is nothing but the owner of further edges; returns that owner.
  std::uint32_t add_step(std::uint32_t owner, std::string text);
  /// The text's offset in Index::texts; equal texts share one.
  std::uint32_t intern(const std::string& text);
  /// The set's place in Index::method_sets.
  std::uint16_t intern(MethodSet methods);

  /// Puts every edge into its slot. Load at most one half; a key that gives long probe runs, by chance or by a config
  /// made for it, is drawn again.
  Index finish();

 private:
  bool try_place(std::size_t size);

  std::uint32_t next_owner_ = Index::kFirstFreeOwner;
  std::vector<Edge> edges_;
  std::map<std::string, std::uint32_t> interned_;
  Index index_;
};

}  // namespace postern::route
