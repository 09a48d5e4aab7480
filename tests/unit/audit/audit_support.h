// A folder for audit files, records to put into them, and what stands in them afterwards.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "audit/chain_file.h"
#include "audit/record.h"
#include "audit/verify.h"
#include "config/settings_audit.h"

namespace postern::audit::test {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "postern-audit-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  /// All files but locks, oldest name first; the open one is the first.
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      if (entry.path().extension() != ".lock") all.push_back(entry.path().string());
    }
    std::ranges::sort(all);
    return all;
  }

 private:
  std::filesystem::path path_;
};

inline std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

inline std::string join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

inline config::AuditStream stream_in(const std::string& path) {
  config::AuditStream settings;
  settings.name = "main";
  settings.file = path;
  settings.sync = config::AuditSync::none;
  settings.sync_interval = std::chrono::seconds(1);
  settings.checkpoint_records = 1000;
  settings.checkpoint_interval = std::chrono::minutes(1);
  return settings;
}

inline AuditRecord sample(std::string_view request_id) {
  AuditRecord record;
  record.time = now_ns();
  record.request_id = request_id;
  record.subject = "alice";
  record.issuer = "https://id.example";
  record.client = "192.0.2.7";
  record.credential = "jwt";
  record.credential_id = "j-17";
  record.route = "predict";
  record.method = "POST";
  record.path = "/v1/models/resnet:predict";
  record.model = "resnet";
  record.decision = "allow";
  record.reason = "policy data-scientists";
  record.status = 200;
  record.bytes_in = 1024;
  record.bytes_out = 77;
  record.latency = 1'234'567;
  record.upstream = "models";
  record.endpoint = "10.0.0.1:80";
  return record;
}

inline DecodedRecord decoded(const AuditRecord& record, RecordKind kind = RecordKind::request) {
  DecodedRecord one;
  one.record = record;
  one.kind = kind;
  return one;
}

/// Appends so many records, each in a batch of its own.
inline void append(ChainFile& file, int records, const std::string& prefix = "r") {
  for (int i = 0; i < records; ++i) {
    ASSERT_TRUE(file.begin()) << file.error();
    file.lines().add_record(decoded(sample(prefix + std::to_string(i))));
    ASSERT_TRUE(file.write()) << file.error();
    file.end();
  }
}

/// A day in 2026 that goes on by itself a little.
inline std::int64_t fake_time = 1'790'000'000ll * 1'000'000'000;
inline std::int64_t fake_clock() noexcept { return fake_time += 1'000'000; }

}  // namespace postern::audit::test
