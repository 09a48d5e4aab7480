#include "cli/command_line.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "admin/client.h"
#include "balance/kinds.h"
#include "cli/apikey_command.h"
#include "cli/audit_command.h"
#include "cli/config_commands.h"
#include "cli/dev_cert.h"
#include "cli/explain_command.h"
#include "cli/policy_command.h"
#include "cli/revoke_command.h"
#include "cli/signal_command.h"
#include "cli/token_command.h"
#include "discovery/kinds.h"
#include "policy/kinds.h"
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

int list_facts() {
  for (const FactKind* kind : policy::kinds())
    std::cout << std::left << std::setw(16) << policy::title(*kind) << kind->doc << "\n";
  return 0;
}

using ApiKeyAction = int (*)(const ApiKeyRequest&, std::int64_t, std::ostream&, std::ostream&);

/// `request` and `exit_code` live as long as the parse.
void add_apikey_commands(CLI::App& app, ApiKeyRequest& request, std::optional<int>& exit_code) {
  CLI::App* keys = app.add_subcommand("apikey", "Make, list, show and revoke API keys");
  keys->require_subcommand(1);
  const auto add = [&, keys](const char* name, const char* doc, ApiKeyAction action) {
    CLI::App* command = keys->add_subcommand(name, doc);
    command->add_option("-f,--file", request.file, "the config's credentials.api_key_file")->required();
    command->callback([&, action] {
      exit_code = action(request, static_cast<std::int64_t>(std::time(nullptr)), std::cout, std::cerr);
    });
    return command;
  };
  CLI::App* create = add("create", "Make a key; its text is printed once, and kept nowhere", apikey_create);
  create->add_option("--name", request.name, "what it is for, to people")->required();
  create->add_option("--subject", request.subject, "who its bearer is, to policies and logs")->required();
  create->add_option("--expires", request.expires, "how long it is good: \"12h\", \"90d\"")->required();
  create->add_option("--scope", request.scopes, "a scope that it has; as many as you like")->allow_extra_args(false);
  create->add_option("--group", request.groups, "a group that its bearer is in")->allow_extra_args(false);
  create->add_option("--role", request.roles, "a role that its bearer has")->allow_extra_args(false);
  add("list", "All keys of a file, without their secrets", apikey_list);
  add("show", "One key, without its secret", apikey_show)->add_option("kid", request.kid, "its id")->required();
  add("revoke", "Make a key worthless, for good", apikey_revoke)->add_option("kid", request.kid, "its id")->required();
}

void add_token_commands(CLI::App& app, TokenVerifyRequest& token, std::optional<int>& exit_code) {
  CLI::App* tokens = app.add_subcommand("token", "Look at tokens");
  tokens->require_subcommand(1);
  CLI::App* verify = tokens->add_subcommand("verify", "Check tokens as a request's would be: 0 all good, 1 one is not");
  CLI::Option_group* keys = verify->add_option_group("keys", "whose signature it has to be");
  keys->add_option("--jwks", token.jwks, "the issuer's keys, a JSON Web Key Set");
  keys->add_option("--pem", token.pem, "its public keys or certificates");
  keys->add_option("--secret", token.secret, "its secret for HS256");
  keys->require_option(1);
  verify->add_option("--issuer", token.issuer, "what `iss` has to be; any when left out");
  verify->add_option("--audience", token.audience, "what `aud` has to name; anything when left out");
  verify->add_option("--now", token.now, "the time, in seconds since 1970");
  verify->add_option("token", token.tokens, "tokens; \"-\": one per line of the standard input")->required();
  verify->callback([&] { exit_code = token_verify_command(token, std::cin, std::cout, std::cerr); });
}

/// `postern explain` and `postern policy test`. What they are told lives as long as the parse.
struct PolicyWords {
  ExplainRequest explain;
  std::int64_t now = 0;
  std::string cases;
  std::string config;  // of the cases; empty: the one that they name
};

void add_policy_commands(CLI::App& app, PolicyWords& words, std::optional<int>& exit_code) {
  CLI::App* policies = app.add_subcommand("policy", "Try policies");
  policies->require_subcommand(1);
  CLI::App* test = policies->add_subcommand("test", "Judge a table of cases: 0 all as expected, 1 one is not");
  test->add_option("file", words.cases, "the cases, TOML")->required();
  test->add_option("-c,--config", words.config, "the configuration file, instead of the one that the cases name");
  test->callback([&] { exit_code = policy_test_command(words.cases, words.config, std::cout, std::cerr); });

  ExplainRequest& request = words.explain;
  request.config = kDefaultConfig;
  CLI::App* explain = app.add_subcommand("explain", "What would become of a request, and why: 0 served, 1 not");
  explain->add_option("method", request.method, "its method")->required();
  explain->add_option("url", request.url, "its URL, or its path")->required();
  explain->add_option("-c,--config", request.config, "the configuration file")->capture_default_str();
  CLI::Option* token = explain->add_option("--token", request.token, "a token or API key; \"-\": a line of the input");
  explain->add_option("--claims", request.claims, "a JSON file of claims, in place of a token")->excludes(token);
  explain->add_option("--jwks", request.jwks, "a file of keys for the token, where the config fetches them");
  explain->add_option("--client", request.client, "the client's IP address")->capture_default_str();
  explain->add_option("--listener", request.listener, "the listener's name; else the first that fits the URL");
  explain->add_option("--header", request.headers, "\"name: value\"; as many as you like")->allow_extra_args(false);
  CLI::Option* now = explain->add_option("--now", words.now, "the time, in seconds since 1970");
  explain->callback([&, now] {
    if (*now) request.now = words.now;
    exit_code = explain_command(request, std::cin, std::cout, std::cerr);
  });
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

  list->add_subcommand("facts", "What policies may look at")->callback([&] { exit_code = list_facts(); });

  PolicyWords policy_words;
  add_policy_commands(app, policy_words, exit_code);

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
  CLI::App* verify_audit =
      audit->add_subcommand("verify", "Find what was changed, removed or moved: 0 nothing, 1 something");
  verify_audit->add_option("file", audit_files, "audit files of one or more streams, in any order")->required();
  verify_audit->add_option("--key", audit_keys, "a public key (PEM) that checkpoints have to be signed with")
      ->allow_extra_args(false);
  verify_audit->callback([&] { exit_code = audit_verify_command(audit_files, audit_keys, std::cout, std::cerr); });

  std::string folder = ".";
  CLI::App* dev_cert = app.add_subcommand("dev-cert", "Make a certificate for local trials");
  dev_cert->add_option("--out", folder, "the folder for cert.pem and key.pem")->capture_default_str();
  dev_cert->callback([&] { exit_code = dev_cert_command(folder, std::cout, std::cerr); });

  TokenVerifyRequest token;
  add_token_commands(app, token, exit_code);

  RevokeWords revoke_words;
  add_revoke_command(app, revoke_words, exit_code);

  ApiKeyRequest key_request;
  add_apikey_commands(app, key_request, exit_code);

  CLI11_PARSE(app, argc, argv);
  return exit_code.value_or(0);
}

}  // namespace postern::cli
