// docs/policies.md: each rule in it compiles, and each fact and operator stands in it.
#include <fstream>
#include <iterator>
#include <sstream>

#include "policy/kinds.h"
#include "unit/policy/support.h"

namespace postern::policy {
namespace {

std::string document() {
  std::ifstream file(std::string(POSTERN_SOURCE_DIR) + "/docs/policies.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(PolicyDocument, HasOnlyRulesThatCompile) {
  std::istringstream lines(document());
  std::size_t rules = 0;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = line == "```policy";
    } else if (inside) {
      ++rules;
      for (const Problem& problem : problems_of(line)) ADD_FAILURE() << line << ": " << problem.message;
    }
  }
  EXPECT_GE(rules, 15u);
}

TEST(PolicyDocument, NamesEveryFact) {
  const std::string text = document();
  for (const FactKind* kind : kinds()) EXPECT_NE(text.find("| `" + title(*kind) + "` |"), text.npos) << title(*kind);
}

}  // namespace
}  // namespace postern::policy
