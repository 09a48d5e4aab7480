// "did you mean": the candidate nearest to a mistyped word. Start-up and `postern check` only; any thread.
#pragma once

#include <span>
#include <string_view>

namespace postern::config {

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`, letters' case aside.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The nearest candidate within a distance of 2 or a third of the word's length; empty when none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace postern::config
