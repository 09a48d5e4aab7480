// Arbitrary bytes as a DPoP proof: nothing crashes, and nothing that is not signed by the token's key is believed.
// A line of its own ends the proof; what follows is the nonce to be checked.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "identity/dpop_proof.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::identity;
  static const DpopNonces nonces(DpopNonces::Key{1, 2, 3});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\n');
  DpopRequest request;
  request.proof = text.substr(0, end);
  request.access_token = "token";
  request.thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
  request.method = "GET";
  request.authority = "resource.example.org";
  request.path = "/protectedresource";
  request.now = 1562262618;
  // The example of RFC 9449 is for another token, and its author alone could sign for this one.
  if (check_dpop(request, nullptr).is_good() || check_dpop(request, &nonces).is_good()) std::abort();
  if (end == std::string_view::npos) return 0;
  if (nonces.check(text.substr(end + 1), request.thumbprint, 1) != DpopNonces::State::bad) std::abort();
  return 0;
}
