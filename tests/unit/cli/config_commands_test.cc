// The config subcommands: exit codes, streams, and deep checks beside the text's own mistakes.
#include "cli/config_commands.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/document.h"

namespace postern::cli {
namespace {

class ConfigCommands : public testing::Test {
 protected:
  ConfigCommands() {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern_config_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ConfigCommands() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& text) {
    const std::string path = (folder_ / "c.toml").string();
    std::ofstream(path) << text;
    return path;
  }

  std::filesystem::path folder_;
  std::ostringstream out_;
  std::ostringstream err_;
};

constexpr const char* kGoodConfig = "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\n";

TEST_F(ConfigCommands, CheckSaysOk) {
  const std::string path = write(kGoodConfig);
  EXPECT_EQ(check_command(path, out_, err_), 0);
  EXPECT_EQ(out_.str(), path + ": ok (1 listeners, 0 upstreams, 0 routes)\n");
  EXPECT_EQ(err_.str(), "");
}

TEST_F(ConfigCommands, CheckListsTextAndDeepMistakesInOrder) {
  const std::string path = write(std::string(kGoodConfig) + "backlog = 0\nmax_bdy = \"1\"\n");
  const DeepCheck deep = [](const config::LoadResult& result, std::vector<config::Diagnostic>& more) {
    more.push_back(result.diagnostic("listener[0].backlog", "too deep, and faulty already"));
    more.push_back(result.diagnostic("listener[0].address", "in use"));
  };
  EXPECT_EQ(check_command(path, out_, err_, deep), 2);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(err_.str(), path + ":3:1: listener[0].address: in use\n" + path +
                            ":4:1: listener[0].backlog: out of range; expected an integer from 1 to 65535\n" + path +
                            ":5:1: listener[0].max_bdy: unknown key; did you mean \"max_body\"?\n");
}

TEST_F(ConfigCommands, DeepCheckThatThrowsIsAMistake) {
  const DeepCheck deep = [](const config::LoadResult&, std::vector<config::Diagnostic>&) {
    throw std::runtime_error("x");
  };
  EXPECT_EQ(check_command(write(kGoodConfig), out_, err_, deep), 2);
  EXPECT_NE(err_.str().find(": x\n"), std::string::npos);
}

TEST_F(ConfigCommands, NoDeepCheckOfWhatIsNoToml) {
  const DeepCheck deep = [](const config::LoadResult&, std::vector<config::Diagnostic>&) { FAIL(); };
  EXPECT_EQ(check_command(write("= 1"), out_, err_, deep), 2);
  EXPECT_EQ(check_command((folder_ / "none.toml").string(), out_, err_, deep), 2);
}

TEST_F(ConfigCommands, ShowPrintsWhatIsInForce) {
  EXPECT_EQ(show_command(write(kGoodConfig), out_, err_), 0);
  EXPECT_NE(out_.str().find("\nheader_timeout = \"10s\"\n"), std::string::npos);
  EXPECT_EQ(show_command(write("x = 1"), out_, err_), 2);
}

TEST_F(ConfigCommands, DocumentsGoToTheStream) {
  EXPECT_EQ(reference_command(out_), 0);
  EXPECT_EQ(out_.str(), config::reference_markdown());
  EXPECT_EQ(example_command(err_), 0);
  EXPECT_EQ(err_.str(), config::example_toml());
}

}  // namespace
}  // namespace postern::cli
