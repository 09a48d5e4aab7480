#include "identity/api_key_store.h"

#include <utility>

#include "identity/kept_file.h"

namespace postern::identity {

std::string change_api_keys(const std::string& path, bool may_create,
                            const std::function<std::string(std::vector<ApiKeyRecord>&)>& change) {
  return change_kept_file("API key file", path, may_create ? IfMissing::begin_empty : IfMissing::fail,
                          [&](std::string& text) -> std::string {
                            ApiKeyFile file = parse_api_key_file(text);
                            if (!file.error.empty()) return "API key file " + path + ": " + file.error;
                            if (std::string minds = change(file.records); !minds.empty()) return minds;
                            text.clear();
                            for (const ApiKeyRecord& record : file.records) text += api_key_line(record);
                            return {};
                          });
}

}  // namespace postern::identity
