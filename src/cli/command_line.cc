#include "cli/command_line.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <iomanip>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "admin/client.h"
#include "balance/kinds.h"
#include "cli/audit_command.h"
#include "cli/config_commands.h"
#include "cli/dev_cert.h"
#include "cli/signal_command.h"
#include "discovery/kinds.h"
#include "server/daemon.h"
#include "server/engine.h"

namespace postern::cli {

namespace {

constexpr const char* kDefaultConfig = "/etc/postern/postern.toml";

int run_daemon(server::Start start, const std::string& config, const std::string& engine) {
  config::LoadResult loaded = load_checked(config, {});
  if (!loaded.ok()) {
    print_diagnostics(loaded.diagnostics, std::cerr);
    return 2;
  }
  config::Engine wanted = loaded.settings.engine;
  if (engine == "epoll") wanted = config::Engine::epoll;
  if (engine == "io_uring") wanted = config::Engine::io_uring;
  server::Daemon daemon(
      std::move(loaded), server::choose_engine(wanted), [config] { return load_checked(config, {}); },
      std::move(start));
  return daemon.run();
}

template <class Kinds>
int list_kinds(const Kinds& kinds) {
  for (const auto* kind : kinds) std::cout << std::left << std::setw(16) << kind->name << kind->doc << "\n";
  return 0;
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App app{"postern: the identity-aware reverse proxy for model inference", "postern"};
  app.set_version_flag("--version", std::string("postern ") + POSTERN_VERSION);
  app.require_subcommand(1);
  std::optional<int> exit_code;  // set by the subcommand that ran

  std::string config = kDefaultConfig;
  const auto with_config = [&](CLI::App* command) {
    command->add_option("-c,--config", config, "the configuration file")->capture_default_str();
    return command;
  };

  std::string engine;
  CLI::App* run = with_config(app.add_subcommand("run", "Run the proxy in the foreground"));
  run->add_option("--engine", engine, "epoll or io_uring, instead of the config's")
      ->check(CLI::IsMember({"auto", "epoll", "io_uring"}));
  run->callback([&] { exit_code = run_daemon(server::Start::of(argc, argv), config, engine); });

  with_config(app.add_subcommand("check", "Check a configuration, all of it, and exit: 0 good, 2 not"))->callback([&] {
    exit_code = check_command(config, std::cout, std::cerr, server::deep_check);
  });

  CLI::App* configs = app.add_subcommand("config", "Show what can be configured, and what is");
  configs->require_subcommand(1);
  with_config(configs->add_subcommand("show", "The effective configuration, secrets masked"))->callback([&] {
    exit_code = show_command(config, std::cout, std::cerr);
  });
  configs->add_subcommand("reference", "Every key, as Markdown")->callback([&] {
    exit_code = reference_command(std::cout);
  });
  configs->add_subcommand("example", "A commented configuration with every default")->callback([&] {
    exit_code = example_command(std::cout);
  });

  CLI::App* list = app.add_subcommand("list", "Show what can be chosen from");
  list->require_subcommand(1);
  list->add_subcommand("balancers", "For an upstream's balance.kind")->callback([&] {
    exit_code = list_kinds(balance::kinds());
  });
  list->add_subcommand("discovery", "For an upstream's discovery.kind")->callback([&] {
    exit_code = list_kinds(discovery::kinds());
  });

  std::string admin = "127.0.0.1:9180";
  CLI::App* health = app.add_subcommand("health", "Ask a running postern whether it is ready: 0 yes, 1 no");
  health->add_option("--admin", admin, "its admin address")->capture_default_str();
  health->callback([&] { exit_code = admin::health(admin); });

  SignalRequest request;
  CLI::App* signal = app.add_subcommand("signal", "Tell a running postern to reload, to upgrade or to stop");
  signal->add_option("what", request.what, "reload, reopen (its logs), upgrade (its binary) or stop")
      ->required()
      ->check(CLI::IsMember({"reload", "reopen", "upgrade", "stop"}));
  signal->add_option("pid", request.pid, "its process id")->required()->check(CLI::PositiveNumber);
  signal->add_option("-c,--config", request.config, "reload: check this file first, and wait for the outcome");
  signal->callback([&] { exit_code = signal_command(request, std::cerr); });

  std::vector<std::string> audit_files, audit_keys;
  CLI::App* audit = app.add_subcommand("audit", "Look at audit files");
  audit->require_subcommand(1);
  CLI::App* verify = audit->add_subcommand("verify", "Find what was changed, removed or moved: 0 nothing, 1 something");
  verify->add_option("file", audit_files, "audit files of one or more streams, in any order")->required();
  verify->add_option("--key", audit_keys, "a public key (PEM) that checkpoints have to be signed with");
  verify->callback([&] { exit_code = audit_verify_command(audit_files, audit_keys, std::cout, std::cerr); });

  std::string folder = ".";
  CLI::App* dev_cert = app.add_subcommand("dev-cert", "Make a certificate for local trials");
  dev_cert->add_option("--out", folder, "the folder for cert.pem and key.pem")->capture_default_str();
  dev_cert->callback([&] { exit_code = dev_cert_command(folder, std::cout, std::cerr); });

  CLI11_PARSE(app, argc, argv);
  return exit_code.value_or(0);
}

}  // namespace postern::cli
