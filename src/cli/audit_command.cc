#include "cli/audit_command.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <ostream>

#include "audit/verify.h"
#include "base/escape.h"
#include "crypto/pem_file.h"

namespace postern::cli {
namespace {

/// Whatever stands in a file of unknown origin goes to a terminal.
std::string harmless(const std::string& text) {
  std::string out;
  append_utf8(out, text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return out;
}

std::string where(const audit::Finding& finding) {
  std::string text = finding.file;
  if (finding.line != 0) text += fmt::format(":{}", finding.line);
  if (finding.seq != 0) text += fmt::format(": record {}", finding.seq);
  return text;
}

void print_chain(const audit::ChainSummary& chain, bool has_keys, std::ostream& out) {
  fmt::print(out, "stream {}, chain {}: records {} to {} in {} file{}\n", harmless(chain.stream), harmless(chain.chain),
             chain.first_seq, chain.last_seq, chain.files, chain.files == 1 ? "" : "s");
  const std::uint64_t behind = chain.last_seq - chain.sealed_seq;
  if (chain.sealed_seq == 0) {
    fmt::print(out, "  no {}checkpoint vouches for it\n", has_keys ? "signed " : "");
  } else {
    fmt::print(out, "  {} {}checkpoints, the last good one is record {} of {}\n", chain.checkpoints,
               has_keys ? "signed " : "", chain.sealed_seq, chain.sealed_time);
  }
  if (chain.is_closed && behind == 0) {
    fmt::print(out, "  closed\n");
  } else {
    fmt::print(out, "  open: {} record{} behind the last checkpoint; what was cut off there cannot be told\n", behind,
               behind == 1 ? "" : "s");
  }
  fmt::print(out, "  last hash {}\n", chain.last_hash);
}

}  // namespace

int audit_verify_command(const std::vector<std::string>& files, const std::vector<std::string>& keys, std::ostream& out,
                         std::ostream& err) {
  std::vector<crypto::Ed25519PublicKey> loaded;
  for (const std::string& path : keys) {
    const crypto::Loaded<std::string> text = crypto::read_small_file("key file", path);
    if (!text) {
      err << text.error << '\n';
      return 2;
    }
    crypto::Loaded<crypto::Ed25519PublicKey> key = crypto::Ed25519PublicKey::parse(*text.value);
    if (!key) {
      err << path << ": " << key.error << '\n';
      return 2;
    }
    loaded.push_back(std::move(*key.value));
  }
  const audit::Verification result = audit::verify(files, loaded);
  for (const audit::Finding& finding : result.findings) {
    std::ostream& to = finding.weight == audit::Weight::problem ? err : out;
    to << where(finding) << (finding.weight == audit::Weight::problem ? ": " : ": note: ") << harmless(finding.text)
       << '\n';
  }
  for (const audit::ChainSummary& chain : result.chains) print_chain(chain, !keys.empty(), out);
  if (keys.empty()) out << "signatures were not looked at (--key)\n";
  if (result.is_good()) {
    out << "good\n";
    return 0;
  }
  err << result.problems << (result.problems == 1 ? " problem\n" : " problems\n");
  return 1;
}

}  // namespace postern::cli
