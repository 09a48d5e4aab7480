// What a request shows to say who is calling: the one credential in it, by a strict grammar, whatever carries it.
// Pure; the pipeline calls it once per request on routes that ask. Nothing is verified here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/head.h"

namespace postern::identity {

/// Where a credential stood: what is taken out before the upstream sees the request.
enum class Carrier : std::uint8_t { none, bearer, dpop, basic, api_key_header, token_header, sagemaker };

enum class Shown : std::uint8_t {
  nothing,
  credential,
  broken,   // it is meant to be one, and is none: 400
  several,  // at once: 400
};

struct Presented {
  Shown shown = Shown::nothing;
  Carrier carrier = Carrier::none;
  std::string_view text;   // a view into the head, or into the scratch (Basic)
  std::string_view proof;  // of the header DPoP; empty: none
};

/// What is looked at, of the config.
struct CarrierRules {
  bool api_keys = false;     // X-API-Key
  bool basic = false;        // the password of Basic
  bool sagemaker = false;    // X-Amzn-SageMaker-Custom-Attributes: "Bearer TOKEN"
  std::string token_header;  // "Bearer TOKEN" or the token alone; empty: none
};

/// Room that Basic needs; longer passwords are broken.
inline constexpr std::size_t kScratch = 16 * 1024;
/// Only then is there need of scratch.
bool needs_scratch(const http::RequestHead& head, const CarrierRules& rules) noexcept;

Presented find_presented(const http::RequestHead& head, const CarrierRules& rules, std::span<char> scratch) noexcept;

/// Takes the credential out of what goes to the upstream.
void remove_presented(http::Fields& fields, const Presented& presented, const CarrierRules& rules) noexcept;

}  // namespace postern::identity
