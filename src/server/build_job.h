// What the files of SnapshotBuilder share while one snapshot is built.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "crypto/library.h"
#include "server/build.h"

namespace postern::server {

struct SnapshotBuilder::Job {
  const config::LoadResult& loaded;
  std::size_t cores;
  OnBadCertificate on_bad_certificate;
  std::vector<config::Diagnostic>& diagnostics;
  proxy::Snapshot& out;
  const crypto::Library library{};  // contexts are made once here, so that cores cannot fail to

  void complain(const std::string& key, std::string message) {
    diagnostics.push_back(loaded.diagnostic(key, std::move(message)));
  }
};

}  // namespace postern::server
