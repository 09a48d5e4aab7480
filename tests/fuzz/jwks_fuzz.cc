// Arbitrary bytes as a JSON Web Key Set, and as PEM: nothing crashes, and the keys that come out are few and usable.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "identity/key_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  using identity::KeySet;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const KeySet::Made& made : {KeySet::from_jwks(text), KeySet::from_pem(text)}) {
    if ((made.keys == nullptr) == made.error.empty()) std::abort();
    if (!made.keys) continue;
    if (made.keys->keys().size() > identity::kMostKeys) std::abort();
    for (const KeySet::Key& key : made.keys->keys()) {
      if (key.key.family() == crypto::KeyFamily::secret || key.key.thumbprint().size() != 43) std::abort();
      if (key.kid && key.kid->size() > identity::kMostKidBytes) std::abort();
      if (!made.keys->has(key.id)) std::abort();
      for (unsigned i = 0; i < crypto::kSignatureAlgorithmNames.size(); ++i) {
        if (key.key.verify(static_cast<crypto::SignatureAlgorithm>(i), "message", "signature")) std::abort();
      }
    }
  }
  return 0;
}
