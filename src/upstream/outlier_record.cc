#include "upstream/outlier_record.h"

namespace postern::upstream {

std::shared_ptr<TryCounts> OutlierRecord::join() {
  const std::lock_guard lock(mutex_);
  cores_.push_back(std::make_shared<TryCounts>());
  return cores_.back();
}

OutlierRecord::Totals OutlierRecord::take_new() {
  const std::lock_guard lock(mutex_);
  // A core that is gone has written its last: nobody but this vector has its counts.
  std::erase_if(cores_, [this](const std::shared_ptr<TryCounts>& counts) {
    if (counts.use_count() != 1) return false;
    gone_.passed += counts->passed.get();
    gone_.failed += counts->failed.get();
    return true;
  });
  Totals now = gone_;
  for (const std::shared_ptr<TryCounts>& counts : cores_) {
    now.passed += counts->passed.get();
    now.failed += counts->failed.get();
  }
  const Totals fresh{now.passed - seen_.passed, now.failed - seen_.failed};
  seen_ = now;
  return fresh;
}

}  // namespace postern::upstream
