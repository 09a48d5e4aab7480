#include "policy/email.h"

namespace postern::policy {

std::string_view email_of(const Principal* principal) noexcept {
  if (!principal || !principal->email_verified) return {};
  const std::string_view email = principal->email;
  const std::size_t at = email.find('@');
  if (at == email.npos || at == 0 || at + 1 == email.size() || email.find('@', at + 1) != email.npos) return {};
  for (const char c : email) {
    // Spaces and controls never belong there. Neither does "@" in its full-width and small forms, which some
    // normalise to "@": all bytes outside ASCII are left out, which leaves out the few who have such addresses.
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F) return {};
  }
  return email;
}

std::string_view email_domain_of(const Principal* principal) noexcept {
  const std::string_view email = email_of(principal);
  return email.empty() ? email : email.substr(email.find('@') + 1);
}

}  // namespace postern::policy
