// A route's header edits, checked and looked up once so that applying them compares ids and not names.
// compile() at start-up and reload; apply() on a core, per request and per response, without allocation.
// Values are literal text. Framing is not up for editing: names that decide it are refused when compiled.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "http/fields.h"

namespace postern::route {

class HeaderEdits {
 public:
  HeaderEdits() = default;

  /// Appends one line per mistake to `errors`: a name that is no token or is protected, a value with control bytes.
  static HeaderEdits compile(const config::HeaderEdits& edits, std::vector<std::string>& errors);

  /// Removes, then sets (replacing all of that name), then adds. The views put into `fields` live as long as *this.
  /// False when there is no room left: 431 for a request, 502 for a response.
  bool apply(http::Fields& fields) const noexcept;

  [[nodiscard]] bool empty() const noexcept { return removes_.empty() && adds_.empty(); }

 private:
  struct Edit {
    std::string name;
    std::string value;
    http::FieldId id;
  };
  std::vector<Edit> removes_;  // what is set is removed first, so it stands here as well
  std::vector<Edit> adds_;
};

/// The trailers that a route lets through; empty lets none. Framing, hop-by-hop fields and Host cannot be listed.
class TrailerList {
 public:
  TrailerList() = default;
  static TrailerList compile(const std::vector<std::string>& names, std::vector<std::string>& errors);

  [[nodiscard]] bool allows(std::string_view name) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return names_.empty(); }

 private:
  struct Name {
    std::string text;
    http::FieldId id;
  };
  std::vector<Name> names_;
};

}  // namespace postern::route
