// Collects diagnostics while a config is read and checked, and remembers which keys are wrong already, so that one
// mistake gives one diagnostic and not its consequences as well. Lives for one load().
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "config/diagnostic.h"

namespace postern::config {

class Report {
 public:
  Report(std::string file, const Origins& origins, std::vector<Diagnostic>& out)
      : file_(std::move(file)), origins_(origins), out_(out) {}

  /// At the key's position; nothing when the key is faulty already.
  void add(const std::string& key, std::string message, std::string expected = {}, std::string_view nearest = {}) {
    if (!faulty_.insert(key).second) return;
    const Position position = origins_.find(key);
    out_.push_back(
        {file_, position.line, position.column, key, std::move(message), std::move(expected), std::string(nearest)});
  }

  /// Treats the key as faulty without a diagnostic: what is wrong with it was said elsewhere.
  void excuse(std::string key) { faulty_.insert(std::move(key)); }

  bool is_faulty(const std::string& key) const { return faulty_.contains(key); }

 private:
  std::string file_;
  const Origins& origins_;
  std::vector<Diagnostic>& out_;
  std::unordered_set<std::string> faulty_;
};

}  // namespace postern::config
