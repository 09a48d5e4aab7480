#include "cli/revoke_command.h"

#include <cstdio>

#include "admin/client.h"

namespace postern::cli {

namespace {

std::string encoded(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

int revoke(const RevokeWords& words) {
  std::string target = "/revocations?issuer=" + encoded(words.issuer);
  const auto add = [&](const char* kind, const std::string& value) {
    if (!value.empty()) target += std::string("&kind=") + kind + "&value=" + encoded(value);
  };
  add("subject", words.subject);
  add("session", words.session);
  add("token", words.token);
  add("client", words.client);
  if (words.all) target += "&kind=all";
  if (words.seconds != 0) target += "&for=" + std::to_string(words.seconds);
  const Result<admin::Answer> answer = admin::ask(words.admin, "PUT", target, std::chrono::seconds(5));
  if (answer && answer->status == 200) return 0;
  const std::string why = answer ? answer->body : "no answer: " + std::string(to_string(answer.error().code)) + "\n";
  std::fprintf(stderr, "postern: %s: %s", words.admin.c_str(), why.c_str());
  return 1;
}

}  // namespace

void add_revoke_command(CLI::App& app, RevokeWords& words, std::optional<int>& exit_code) {
  CLI::App* command = app.add_subcommand(
      "revoke", "Take trust back, in a running postern (and for good where it has a revocations_file)");
  command->add_option("--admin", words.admin, "its admin address")->capture_default_str();
  command
      ->add_option("--issuer", words.issuer, "the name of an [[issuer]], \"api-keys\", or a listener's (certificates)")
      ->required();
  CLI::Option_group* what = command->add_option_group("what", "whose credentials, issued up to now");
  what->add_option("--subject", words.subject, "of this caller");
  what->add_option("--session", words.session, "of this session (sid)");
  what->add_option("--token", words.token, "this token (jti), key or certificate");
  what->add_option("--client", words.client, "of this client (azp, client_id)");
  what->add_flag("--all", words.all, "everything of the issuer");
  what->require_option(1);
  command->add_option("--for", words.seconds, "how long to remember it, in seconds (30 days)");
  command->callback([&words, &exit_code] { exit_code = revoke(words); });
}

}  // namespace postern::cli
