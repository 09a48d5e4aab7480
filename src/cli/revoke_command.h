// `postern revoke`: tells a running postern that somebody is not to be believed any more.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

namespace postern::cli {

struct RevokeWords {
  std::string admin = "127.0.0.1:9180";
  std::string issuer, subject, session, token, client;
  bool all = false;
  std::uint64_t seconds = 0;
};

void add_revoke_command(CLI::App& app, RevokeWords& words, std::optional<int>& exit_code);

}  // namespace postern::cli
