// The table is consistent with itself, and the committed documents and examples are what it makes.
#include "config/schema.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "config/document.h"
#include "config/load.h"

namespace postern::config {
namespace {

std::filesystem::path root() { return POSTERN_SOURCE_DIR; }

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<const KeySpec*> all_keys(const Section& section) {
  std::vector<const KeySpec*> keys = section.keys;
  for (const Section& child : section.sections) {
    for (const KeySpec* key : all_keys(child)) keys.push_back(key);
  }
  return keys;
}

TEST(ConfigSchema, EveryEntryHangsInTheTree) {
  std::size_t entries = 0;
  for (const SchemaPart& part : schema_parts()) {
    entries += part.keys.size();
  }
  EXPECT_EQ(all_keys(schema()).size(), entries);
}

TEST(ConfigSchema, EveryKeyHasDocTypeAndAPathOfItsOwn) {
  std::set<std::string_view> paths;
  for (const KeySpec* key : all_keys(schema())) {
    EXPECT_TRUE(paths.insert(key->path).second) << key->path;
    EXPECT_NE(key->bind.set, nullptr) << key->path;
    EXPECT_NE(key->bind.get, nullptr) << key->path;
    EXPECT_TRUE(key->doc.ends_with('.')) << key->path;
    EXPECT_EQ(key->bind.type == Type::word, key->bind.type == Type::word && !key->words.empty()) << key->path;
    EXPECT_TRUE(!key->required || !key->example.empty()) << key->path;
    EXPECT_EQ(key->path.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.[]"), std::string_view::npos)
        << key->path;
  }
}

TEST(ConfigSchema, EveryDefaultIsAllowed) {
  for (const KeySpec* key : all_keys(schema())) {
    if (key->required) continue;
    Value value;
    ASSERT_TRUE(parse_value(*key, key->fallback, value)) << key->path;
    if (const auto* number = std::get_if<std::uint64_t>(&value); number != nullptr && key->bind.type != Type::word) {
      EXPECT_GE(*number, key->min) << key->path;
      EXPECT_LE(*number, key->max) << key->path;
    }
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && !text->empty() && key->check.run != nullptr) {
      EXPECT_EQ(key->check.run(*text), "") << key->path;
    }
  }
}

TEST(ConfigSchema, RangesFitTheMembers) {
  // A member narrower than its range would silently lose bits: what goes in at the limits must come out again.
  const LoadResult result = load(
      "[[listener]]\nname=\"a\"\naddress=\"127.0.0.1:0\"\ntls.certificate=[{cert=\"a\",key=\"b\"}]\n"
      "[[upstream]]\nname=\"u\"\nendpoints=[\"h:1\"]\ntls={}\n[[route]]\nname=\"r\"\npath=\"/\"\nreply={}\n",
      "c", {});
  ASSERT_TRUE(result.ok());
  Settings settings = result.settings;
  const auto visit = [](const auto& self, const Section& section, void* object) -> void {
    for (const KeySpec* key : section.keys) {
      const Type type = key->bind.type;
      if (type != Type::integer && type != Type::size && type != Type::duration) continue;
      for (const std::uint64_t limit : {key->min, key->max}) {
        if (limit == std::numeric_limits<std::uint64_t>::max()) continue;
        key->bind.set(object, limit);
        EXPECT_EQ(std::get<std::uint64_t>(key->bind.get(object)), limit) << key->path;
      }
    }
    for (const Section& child : section.sections) self(self, child, child.spec->open(object));
  };
  visit(visit, schema(), &settings);
}

TEST(ConfigSchema, CommittedReferenceIsUpToDate) {
  EXPECT_TRUE(read(root() / "docs/config-reference.md") == reference_markdown())
      << "run: postern config reference > docs/config-reference.md";
}

TEST(ConfigSchema, CommittedExampleIsUpToDate) {
  EXPECT_TRUE(read(root() / "config/postern.toml") == example_toml())
      << "run: postern config example > config/postern.toml";
}

TEST(ConfigSchema, ExampleShowsEveryKey) {
  const std::string text = example_toml();
  for (const KeySpec* key : all_keys(schema())) {
    const std::string name = std::string(name_of(key->path)) + " = ";
    EXPECT_TRUE(text.find("\n" + name) != std::string::npos || text.find("\n#" + name) != std::string::npos)
        << key->path;
  }
}

TEST(ConfigExamples, AllLoad) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root() / "config")) {
    if (entry.path().extension() != ".toml") continue;
    ++count;
    const LoadResult result = load_file(entry.path().string());
    for (const Diagnostic& diagnostic : result.diagnostics) ADD_FAILURE() << to_string(diagnostic);
  }
  EXPECT_GE(count, 3);
}

}  // namespace
}  // namespace postern::config
