// Compares, now and then, how long each upstream's models take with how long they used to: a gauge each, and a line in
// the log when they part and when they meet again. Reads what the cores count. Control thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "config/settings.h"
#include "metrics/drift.h"
#include "metrics/registry.h"

namespace postern::server {

class DriftWatch {
 public:
  DriftWatch(boost::asio::io_context& io, metrics::MetricsRegistry& registry) : registry_(registry), timer_(io) {}

  /// At start and at each reload; what was learnt stays unless these settings changed.
  void configure(const std::optional<config::Drift>& settings);
  /// One comparison; the timer's work. `elapsed_s`: since the one before.
  void compare(double elapsed_s);

 private:
  using Clock = std::chrono::steady_clock;
  using Key = std::pair<metrics::Slot, std::string>;

  void wait();
  [[nodiscard]] std::map<Key, metrics::MergedHistogram> gather() const;
  void report(const Key& key, const metrics::DriftDetector& detector, metrics::DriftDetector::Change change) const;

  metrics::MetricsRegistry& registry_;
  boost::asio::steady_timer timer_;
  std::optional<config::Drift> settings_;
  metrics::DriftSettings detector_settings_;
  std::map<Key, metrics::DriftDetector> detectors_;
  Clock::time_point last_;
};

}  // namespace postern::server
