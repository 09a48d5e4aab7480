// The config subcommands: load, then print either the mistakes or what was asked for.
#include "cli/config_commands.h"

#include <exception>
#include <ostream>

#include "config/document.h"
#include "config/print.h"

namespace postern::cli {
namespace {

constexpr int kGood = 0;
constexpr int kBadConfig = 2;

}  // namespace

config::LoadResult load_checked(const std::string& path, const DeepCheck& deep) {
  config::LoadResult result = config::load_file(path);
  if (!deep || !result.parsed) return result;
  std::vector<config::Diagnostic> more;
  try {
    deep(result, more);
  } catch (const std::exception& error) {
    more.push_back(result.diagnostic({}, error.what()));
  }
  for (config::Diagnostic& diagnostic : more) result.diagnostics.push_back(std::move(diagnostic));
  config::arrange(result.diagnostics);
  return result;
}

void print_diagnostics(const std::vector<config::Diagnostic>& diagnostics, std::ostream& err) {
  for (const config::Diagnostic& diagnostic : diagnostics) err << config::to_string(diagnostic) << '\n';
}

int check_command(const std::string& path, std::ostream& out, std::ostream& err, const DeepCheck& deep) {
  const config::LoadResult result = load_checked(path, deep);
  print_diagnostics(result.diagnostics, err);
  if (!result.ok()) return kBadConfig;
  out << path << ": ok (" << result.settings.listeners.size() << " listeners, " << result.settings.upstreams.size()
      << " upstreams, " << result.settings.routes.size() << " routes)\n";
  return kGood;
}

int show_command(const std::string& path, std::ostream& out, std::ostream& err) {
  const config::LoadResult result = load_checked(path);
  print_diagnostics(result.diagnostics, err);
  if (!result.ok()) return kBadConfig;
  out << config::print(result.settings);
  return kGood;
}

int reference_command(std::ostream& out) {
  out << config::reference_markdown();
  return kGood;
}

int example_command(std::ostream& out) {
  out << config::example_toml();
  return kGood;
}

}  // namespace postern::cli
