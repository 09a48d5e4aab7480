// Files of the audit trail as their writer keeps them: chains that go on over stops, crashes, rotations, full disks and
// other processes, and files that somebody has laid hands on.
#include "audit/chain_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "audit/file_name.h"
#include "unit/audit/audit_support.h"

namespace postern::audit::test {
namespace {

using Keys = std::vector<crypto::Ed25519PublicKey>;

const std::shared_ptr<const crypto::Ed25519Key>& key() {
  static const auto kKey = std::make_shared<const crypto::Ed25519Key>(crypto::Ed25519Key::make());
  return kKey;
}

Keys keys() {
  Keys all;
  all.push_back(std::move(*crypto::Ed25519PublicKey::parse(key()->public_pem()).value));
  return all;
}

std::string told(const Verification& result) {
  std::string text;
  for (const Finding& f : result.findings) {
    text += (f.weight == Weight::note ? "note " : "problem ") + name_of(f.file) + ":" + std::to_string(f.line) + " " +
            f.text + "\n";
  }
  return text;
}

bool has_note(const Verification& result, const std::string& text) {
  return std::ranges::any_of(result.findings, [&](const Finding& f) {
    return f.weight == Weight::note && f.text.find(text) != std::string::npos;
  });
}

TEST(AuditChainFile, WritesWhatTheVerifierAccepts) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  {
    ChainFile file(stream_in(path), key(), fake_clock);
    append(file, 3);
    file.close();
  }
  const Verification result = verify({path}, keys());
  EXPECT_TRUE(result.is_good()) << told(result);
  EXPECT_TRUE(result.findings.empty()) << told(result);
  ASSERT_EQ(result.chains.size(), 1u);
  EXPECT_EQ(result.chains[0].first_seq, 1u);
  EXPECT_EQ(result.chains[0].last_seq, 5u);  // the file's, three, and the last checkpoint
  EXPECT_TRUE(result.chains[0].is_closed);
  EXPECT_EQ(result.chains[0].sealed_seq, 5u);
  const std::vector<std::string> lines = split_lines(contents(path));
  EXPECT_NE(lines[1].find("\"kind\":\"request\""), std::string::npos) << lines[1];
  EXPECT_NE(lines[1].find("\"subject\":\"alice\",\"issuer\":\"https://id.example\""), std::string::npos) << lines[1];
  EXPECT_NE(lines[1].find("\"status\":200,\"bytes_in\":1024,\"bytes_out\":77,\"latency_ms\":1.234"), std::string::npos);
}

TEST(AuditChainFile, OutcomesThatAreWrittenTogetherShareALine) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  {
    ChainFile file(stream_in(path), key(), fake_clock);
    ASSERT_TRUE(file.begin()) << file.error();
    file.lines().add_record(decoded(sample("a"), RecordKind::outcome));
    file.lines().add_record(decoded(sample("c"), RecordKind::intent));
    AuditRecord other = sample("b\"");
    other.status = 0;
    other.upstream = other.endpoint = {};
    file.lines().add_record(decoded(other, RecordKind::outcome));
    ASSERT_TRUE(file.write()) << file.error();
    file.end();
    file.close();
  }
  const std::vector<std::string> lines = split_lines(contents(path));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_NE(lines[1].find(R"("kind":"intent")"), std::string::npos) << lines[1];
  EXPECT_NE(lines[2].find(R"(,"outcomes":[["a",200,1024,77,1.234,"","models","10.0.0.1:80"],)"
                          R"(["b\"",0,1024,77,1.234,"","",""]],"hash":")"),
            std::string::npos)
      << lines[2];
  EXPECT_TRUE(verify({path}, keys()).is_good());
}

// Lines of one batch are groups of at most sixteen, and the last of each has the hash.
TEST(AuditChainFile, LinesThatAreWrittenTogetherShareAHash) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  ChainFile file(stream_in(path), key(), fake_clock);
  ASSERT_TRUE(file.begin()) << file.error();
  for (int i = 0; i < 40; ++i) file.lines().add_record(decoded(sample("r")));
  ASSERT_TRUE(file.write()) << file.error();
  file.end();
  const std::string whole = contents(path);
  std::vector<std::string> lines = split_lines(whole);
  ASSERT_EQ(lines.size(), 41u);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool has_hash = i == 0 || i == 16 || i == 32 || i == 40;
    EXPECT_EQ(lines[i].find(",\"hash\":\"") != std::string::npos, has_hash) << i;
  }
  EXPECT_TRUE(verify({path}, {}).is_good());
  const auto spoil = [&](std::size_t line) {
    std::vector<std::string> spoilt = lines;
    spoilt[line].replace(spoilt[line].find("alice"), 5, "mally");
    put(path, join(spoilt));
    const Verification result = verify({path}, {});
    ASSERT_EQ(result.problems, 1u) << told(result);
    EXPECT_EQ(result.findings[0].line, line <= 16 ? 2u : line <= 32 ? 18u : 34u) << told(result);
    EXPECT_NE(result.findings[0].text.find("or one of those up to"), std::string::npos);
  };
  for (const std::size_t line : {1u, 15u, 16u, 17u, 32u, 40u}) spoil(line);
  // Without its hash a group is part of the next one, and does not fit there.
  std::vector<std::string> without = lines;
  without[16].replace(without[16].find(",\"hash\":\""), 74, "");
  put(path, join(without));
  EXPECT_FALSE(verify({path}, {}).is_good());
  without = lines;
  for (const std::size_t line : {16u, 32u, 40u}) without[line].replace(without[line].find(",\"hash\":\""), 74, "");
  put(path, join(without));
  const Verification none = verify({path}, {});
  EXPECT_EQ(none.problems, 1u) << told(none);
  EXPECT_NE(told(none).find("from here on 40 records have no hash"), std::string::npos) << told(none);
}

// kill -9 while a batch is being written: what was written of it is kept, whole lines without a hash as well.
TEST(AuditChainFile, GoesOnBehindEveryByteOfABatch) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  std::size_t start = 0;
  {
    ChainFile file(stream_in(path), key(), fake_clock);
    append(file, 1);
    start = contents(path).size();
    ASSERT_TRUE(file.begin()) << file.error();
    for (int i = 0; i < 20; ++i) file.lines().add_record(decoded(sample("r"), RecordKind::intent));
    ASSERT_TRUE(file.write()) << file.error();
    file.end();
  }
  const std::string whole = contents(path);
  const std::vector<std::string> lines = split_lines(whole);
  for (std::size_t size = start; size <= whole.size(); size += 7) {
    put(path, whole.substr(0, size));
    const auto kept =
        static_cast<std::uint64_t>(std::count(whole.begin(), whole.begin() + static_cast<long>(size), '\n'));
    const Verification before = verify({path}, keys());
    ASSERT_TRUE(before.is_good()) << size << ": " << told(before);
    {
      ChainFile file(stream_in(path), key(), fake_clock);
      append(file, 1, "after");
      file.close();
    }
    const Verification after = verify({path}, keys());
    ASSERT_TRUE(after.is_good()) << size << ": " << told(after);
    const bool is_torn = size != start && whole[size - 1] != '\n';
    ASSERT_EQ(after.chains.size(), 1u);
    ASSERT_EQ(after.chains[0].last_seq, kept + (is_torn ? 1u : 0u) + 3u) << size << ": " << told(after);
    ASSERT_EQ(after.chains[0].sealed_seq, after.chains[0].last_seq);
  }
}

// The other process of an upgrade dies in the middle of a batch; this one has to go on, and to close.
TEST(AuditChainFile, GoesOnBehindAnotherProcesssBatchThatWasCutShort) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  for (const bool has_records : {true, false}) {
    std::filesystem::remove(path);
    ChainFile one(stream_in(path), key(), fake_clock), other(stream_in(path), key(), fake_clock);
    append(one, 1);
    ASSERT_TRUE(other.begin()) << other.error();
    for (int i = 0; i < 5; ++i) other.lines().add_record(decoded(sample("r"), RecordKind::intent));
    ASSERT_TRUE(other.write()) << other.error();
    other.end();
    const std::string whole = contents(path);
    put(path, whole.substr(0, whole.find('\n', whole.rfind('\n', whole.size() - 2) - 300) + 1));
    if (has_records) append(one, 1);
    one.close();
    const Verification result = verify({path}, keys());
    EXPECT_TRUE(result.is_good()) << told(result);
    EXPECT_TRUE(result.chains[0].is_closed);
    EXPECT_EQ(has_note(result, "without a hash"), !has_records) << told(result);
  }
}

TEST(AuditChainFile, GoesOnWithItsChainAfterAStop) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  for (int i = 0; i < 3; ++i) {
    ChainFile file(stream_in(path), key(), fake_clock);
    append(file, 2);
    file.close();
  }
  const Verification result = verify({path}, keys());
  EXPECT_TRUE(result.is_good() && result.findings.empty()) << told(result);
  EXPECT_EQ(result.chains.size(), 1u);
}

TEST(AuditChainFile, TellsACrashFromAStop) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  {
    ChainFile file(stream_in(path), key(), fake_clock);
    append(file, 2);
  }
  ChainFile file(stream_in(path), key(), fake_clock);
  append(file, 1);
  const Verification result = verify({path}, keys());
  EXPECT_TRUE(result.is_good()) << told(result);
  EXPECT_TRUE(has_note(result, "did not stop in order")) << told(result);
}

// What a crash may leave: the last record, torn anywhere.
TEST(AuditChainFile, RecoversFromALastRecordTornAtEveryByte) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  {
    ChainFile file(stream_in(path), key(), fake_clock);
    append(file, 3);
  }
  const std::string whole = contents(path);
  const std::size_t start = whole.rfind('\n', whole.size() - 2) + 1;
  for (std::size_t size = start; size <= whole.size(); ++size) {
    put(path, whole.substr(0, size));
    const bool is_torn = size != start && size != whole.size();
    const Verification before = verify({path}, keys());
    ASSERT_TRUE(before.is_good()) << size << ": " << told(before);
    ASSERT_EQ(has_note(before, "incomplete record"), is_torn) << size << ": " << told(before);
    {
      ChainFile file(stream_in(path), key(), fake_clock);
      append(file, 1, "after");
      file.close();
    }
    const Verification after = verify({path}, keys());
    ASSERT_TRUE(after.is_good()) << size << ": " << told(after);
    ASSERT_EQ(has_note(after, "were removed here after a crash"), is_torn) << size << ": " << told(after);
    ASSERT_EQ(after.chains.size(), 1u);
    ASSERT_EQ(after.chains[0].last_seq, (size == whole.size() ? 4u : 3u) + (is_torn ? 1u : 0u) + 3u);
  }
}

TEST(AuditChainFile, BeginsAnewWhenTheFirstRecordIsTorn) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  put(path, "{\"seq\":1,\"prev\":\"000");
  ChainFile file(stream_in(path), key(), fake_clock);
  append(file, 1);
  const Verification result = verify({path}, {});
  EXPECT_TRUE(result.is_good()) << told(result);
}

TEST(AuditChainFile, RotatesBySizeAndTheChainGoesOn) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  config::AuditStream settings = stream_in(path);
  settings.rotate_size = 3000;
  ChainFile file(settings, key(), fake_clock);
  append(file, 20);
  file.close();
  std::vector<std::string> files = folder.files();
  EXPECT_GE(files.size(), 4u);
  std::ranges::reverse(files);  // the order does not matter
  const Verification result = verify(files, keys());
  EXPECT_TRUE(result.is_good() && result.findings.empty()) << told(result);
  ASSERT_EQ(result.chains.size(), 1u);
  EXPECT_EQ(result.chains[0].files, files.size());

  const std::string middle = list_closed(path)[1];
  std::erase(files, middle);
  const Verification without = verify(files, keys());
  EXPECT_FALSE(without.is_good());
  EXPECT_NE(told(without).find("are missing before this one"), std::string::npos) << told(without);
}

TEST(AuditChainFile, RotatesDailyAndKeepsSoMany) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  config::AuditStream settings = stream_in(path);
  settings.rotate_daily = true;
  settings.keep = 2;
  ChainFile file(settings, key(), fake_clock);
  for (int day = 0; day < 5; ++day) {
    append(file, 2);
    fake_time += 86'400ll * 1'000'000'000;
  }
  EXPECT_EQ(list_closed(path).size(), 2u);
  const Verification result = verify(folder.files(), keys());
  EXPECT_TRUE(result.is_good()) << told(result);
  EXPECT_TRUE(has_note(result, "in files that were not given")) << told(result);
}

// kill -9 between the rename of the old file and the making of the new one.
TEST(AuditChainFile, GoesOnAfterARotationThatWasNotFinished) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  {
    ChainFile file(stream_in(path), key(), fake_clock);
    append(file, 2);
    file.close();
  }
  ASSERT_TRUE(rename_to_new(path, path + "." + closed_suffix(fake_time, 1)));
  ChainFile file(stream_in(path), key(), fake_clock);
  append(file, 2);
  const Verification result = verify(folder.files(), keys());
  EXPECT_TRUE(result.is_good()) << told(result);
  EXPECT_EQ(result.chains.size(), 1u);
  EXPECT_TRUE(has_note(result, "there was no open file")) << told(result);
}

TEST(AuditChainFile, TwoProcessesShareOneChain) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  config::AuditStream settings = stream_in(path);
  settings.rotate_size = 4000;
  ChainFile one(settings, key(), fake_clock), other(settings, key(), fake_clock);
  for (int i = 0; i < 12; ++i) {
    append(one, 1, "one");
    append(other, i % 3, "other");
  }
  one.close();
  append(other, 1);
  other.close();
  const Verification result = verify(folder.files(), keys());
  EXPECT_TRUE(result.is_good()) << told(result);
  EXPECT_EQ(result.chains.size(), 1u);
  EXPECT_TRUE(result.findings.empty()) << told(result);
}

class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    before_handler_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now = before_;
    now.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, before_handler_);
  }

 private:
  rlimit before_{};
  sighandler_t before_handler_ = nullptr;
};

TEST(AuditChainFile, AFullDiskLeavesTheChainWhereItWas) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  ChainFile file(stream_in(path), key(), fake_clock);
  append(file, 3);
  const std::string before = contents(path);
  for (const rlim_t more : {rlim_t{0}, rlim_t{1}, rlim_t{100}}) {
    const FileSizeLimit limit(before.size() + more);
    ASSERT_TRUE(file.begin()) << file.error();
    file.lines().add_record(decoded(sample("lost")));
    EXPECT_FALSE(file.write());
    file.end();
    EXPECT_NE(file.error().find("File too large"), std::string::npos) << file.error();
    EXPECT_EQ(contents(path), before) << "a torn line is left behind";
  }
  append(file, 1);
  file.close();
  const Verification result = verify({path}, keys());
  EXPECT_TRUE(result.is_good() && result.findings.empty()) << told(result);
}

TEST(AuditChainFile, ANewFileOnAFullDiskIsTriedAgain) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  ChainFile file(stream_in(path), key(), fake_clock);
  {
    const FileSizeLimit limit(10);
    EXPECT_FALSE(file.begin());
  }
  append(file, 1);
  const Verification result = verify({path}, {});
  EXPECT_TRUE(result.is_good()) << told(result);
}

TEST(AuditChainFile, ATamperedFileIsSetAsideAndTheNewChainSaysSo) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  {
    ChainFile file(stream_in(path), key(), fake_clock);
    append(file, 3);
  }
  std::string text = contents(path);
  text.replace(text.rfind("alice"), 5, "mally");
  put(path, text);
  ChainFile file(stream_in(path), key(), fake_clock);
  append(file, 1);
  EXPECT_EQ(folder.files().size(), 2u);
  const Verification result = verify(folder.files(), {});
  EXPECT_FALSE(result.is_good());
  EXPECT_EQ(result.chains.size(), 2u);
  EXPECT_NE(told(result).find("its last line has another hash than it should"), std::string::npos) << told(result);
  EXPECT_NE(told(result).find("the record was changed"), std::string::npos) << told(result);
}

TEST(AuditChainFile, AnotherStreamsFileIsNotGoneOnWith) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  {
    ChainFile file(stream_in(path), key(), fake_clock);
    append(file, 1);
    file.close();
  }
  config::AuditStream settings = stream_in(path);
  settings.name = "other";
  ChainFile file(settings, key(), fake_clock);
  append(file, 1);
  EXPECT_EQ(verify(folder.files(), {}).chains.size(), 2u);
}

TEST(AuditChainFile, WhatIsCutOffWhileItIsWrittenIsMissedByTheChain) {
  for (const bool all : {false, true}) {
    const Folder folder;
    const std::string path = folder / "audit.jsonl";
    ChainFile file(stream_in(path), key(), fake_clock);
    append(file, 3);
    ASSERT_EQ(::truncate(path.c_str(), all ? 0 : static_cast<off_t>(contents(path).size()) - 50), 0);
    append(file, 1);
    const Verification result = verify({path}, {});
    EXPECT_EQ(result.is_good(), all) << told(result);  // emptied: the numbers show what was there
    EXPECT_EQ(result.chains[0].first_seq, all ? 5u : 1u);
    ChainFile again(stream_in(path), key(), fake_clock);
    append(again, 1);
    EXPECT_EQ(verify({path}, {}).chains.size(), 1u) << "the file can be gone on with";
  }
}

TEST(AuditChainFile, LinesThatDoNotFollowAreNotBuiltUpon) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  ChainFile file(stream_in(path), key(), fake_clock);
  append(file, 2);
  put(path, contents(path) + "{\"seq\":4}\n");
  append(file, 1);
  EXPECT_EQ(folder.files().size(), 2u);
  EXPECT_FALSE(verify(folder.files(), {}).is_good());
}

TEST(AuditChainFile, AFileThatWasMovedAwayIsFollowedByANewOne) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  ChainFile file(stream_in(path), key(), fake_clock);
  append(file, 2);
  ASSERT_EQ(::rename(path.c_str(), (path + ".1").c_str()), 0);
  fake_time += 20'000'000;  // its name is not looked at for each batch
  append(file, 2);
  const Verification result = verify({path, path + ".1"}, {});
  EXPECT_TRUE(result.is_good()) << told(result);
  EXPECT_EQ(result.chains.size(), 1u);
}

TEST(AuditChainFile, AClockThatIsSetBackDoesNotMixUpClosedFiles) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  config::AuditStream settings = stream_in(path);
  settings.rotate_size = 1;  // each time
  for (int i = 0; i < 4; ++i) {
    fake_time -= 3'600'000'000'000;
    ChainFile file(settings, key(), fake_clock);
    append(file, 2);
  }
  ASSERT_EQ(::unlink(path.c_str()), 0);  // as if killed behind the last rename
  ChainFile file(settings, key(), fake_clock);
  append(file, 1);
  const Verification result = verify(folder.files(), {});
  EXPECT_TRUE(result.is_good()) << told(result);
  EXPECT_EQ(result.chains.size(), 1u);
}

// Whenever it dies, what it leaves is a chain, and the next one goes on with it.
TEST(AuditChainFile, KilledAtAnyMomentItLeavesAVerifiableChain) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  const auto trusted = keys();  // made before the fork: one that a child makes for itself is nobody's
  for (int round = 0; round < 12; ++round) {
    fake_time += 60'000'000'000;  // each child's clock goes on by itself, and closed files are ordered by time
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      config::AuditStream settings = stream_in(path);
      settings.rotate_size = 20'000;
      settings.checkpoint_records = 10;
      ChainFile file(settings, key(), fake_clock);
      for (int i = 0;; ++i) {
        if (!file.begin()) ::_exit(1);
        for (int j = 0; j < 20; ++j) file.lines().add_record(decoded(sample("r")));
        file.lines().add_checkpoint("records");
        if (!file.write()) ::_exit(1);
        file.end();
      }
    }
    ::usleep(static_cast<useconds_t>(3'000 + round * 1'700));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
    if (contents(path).empty() && list_closed(path).empty()) continue;  // it was killed before its first line
    const Verification result = verify(folder.files(), trusted);
    ASSERT_TRUE(result.is_good()) << told(result);
    ASSERT_LE(result.chains.size(), 1u);
  }
}

TEST(AuditFileName, TakesOnlyItsOwnForClosedFiles) {
  EXPECT_EQ(closed_suffix(1'790'000'000ll * 1'000'000'000, 1001), "20260921T141320Z.000000001001");
  EXPECT_TRUE(is_closed_suffix("20260921T141320Z.000000001001"));
  EXPECT_TRUE(is_closed_suffix("20260921T141320Z.1234567890123"));
  EXPECT_FALSE(is_closed_suffix("20260921T141320Z.000000001001.broken"));
  EXPECT_FALSE(is_closed_suffix("20260921T141320Z.1"));
  EXPECT_FALSE(is_closed_suffix("lock"));
}

}  // namespace
}  // namespace postern::audit::test
