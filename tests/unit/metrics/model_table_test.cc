// Histograms by model name: bounded, found again, and readable while they grow.
#include "metrics/model_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace postern::metrics {
namespace {

std::uint64_t count_of(const ModelTable& table, Slot upstream, std::string_view name) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].upstream != upstream || table[i].name() != name) continue;
    MergedHistogram merged;
    merged.add(table[i].first_byte);
    return merged.count();
  }
  return 0;
}

TEST(ModelTable, CountsByUpstreamAndModel) {
  ModelTable table;
  table.record(2, "bert", 10, 1000);  // not prepared: nothing
  EXPECT_EQ(table.size(), 0u);
  table.prepare();
  table.record(2, "bert", 10, 1000);
  table.record(2, "bert", 10, 1000);
  table.record(3, "bert", 10, 1000);
  table.record(2, kNoModel, 0, 1000);
  EXPECT_EQ(table.size(), 3u);
  EXPECT_EQ(count_of(table, 2, "bert"), 2u);
  EXPECT_EQ(count_of(table, 3, "bert"), 1u);
  EXPECT_EQ(count_of(table, 2, kNoModel), 1u);
}

TEST(ModelTable, FurtherAndLongNamesAreOthers) {
  ModelTable table;
  table.prepare();
  for (int i = 0; i < 5; ++i) table.record(2, "model-" + std::to_string(i), 3, 1000);
  table.record(2, std::string(62, 'x'), 3, 1000);
  EXPECT_EQ(table.size(), 4u);
  EXPECT_EQ(count_of(table, 2, kOtherModels), 3u);
  table.record(2, "model-0", 3, 1000);
  EXPECT_EQ(count_of(table, 2, "model-0"), 2u);
}

TEST(ModelTable, StaysWithinItsRows) {
  ModelTable table;
  table.prepare();
  for (int upstream = 0; upstream < 100; ++upstream) {
    for (int i = 0; i < 100; ++i) table.record(static_cast<Slot>(upstream), std::to_string(i), 200, 1000);
  }
  EXPECT_LE(table.size(), ModelTable::kRows);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    MergedHistogram merged;
    merged.add(table[i].first_byte);
    total += merged.count();
  }
  EXPECT_GT(total, 9'000u);
}

}  // namespace
}  // namespace postern::metrics
