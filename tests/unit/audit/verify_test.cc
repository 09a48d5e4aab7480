// `postern audit verify`: every way in which somebody may lay hands on a file, and what is said about it.
#include "audit/verify.h"

#include <algorithm>
#include <functional>
#include <ostream>

#include "audit/line.h"
#include "crypto/sha256_hasher.h"
#include "unit/audit/audit_support.h"

namespace postern::audit::test {
namespace {

using Lines = std::vector<std::string>;

const std::shared_ptr<const crypto::Ed25519Key>& key() {
  static const auto kKey = std::make_shared<const crypto::Ed25519Key>(crypto::Ed25519Key::make());
  return kKey;
}

std::vector<crypto::Ed25519PublicKey> keys_of(const crypto::Ed25519Key& key) {
  std::vector<crypto::Ed25519PublicKey> all;
  all.push_back(std::move(*crypto::Ed25519PublicKey::parse(key.public_pem()).value));
  return all;
}

/// Line 1 the file's, 2 to 11 records, 12 a checkpoint, 13 to 18 records, 19 the last checkpoint.
Lines good_lines(const std::string& path) {
  config::AuditStream settings = stream_in(path);
  ChainFile file(settings, key(), fake_clock);
  append(file, 10);
  EXPECT_TRUE(file.begin());
  file.lines().add_checkpoint("records");
  EXPECT_TRUE(file.write());
  file.end();
  append(file, 6);
  file.close();
  return split_lines(contents(path));
}

/// The line, a group of its own, with its hash made right again, behind the hash `prev`: what somebody does who knows
/// the format.
std::string mended(std::string line, const std::string& prev) {
  const std::size_t at = line.find("\"prev\":\"");
  if (at != std::string::npos) line.replace(at + 8, kHexHash, prev);
  const std::string hashed = line.substr(0, line.rfind(",\"hash\":\""));
  const crypto::Sha256 before = hash_from(prev);
  crypto::Sha256 digest{};
  EXPECT_TRUE(crypto::sha256(std::string(before.begin(), before.end()) + hashed, digest));
  return hashed + ",\"hash\":\"" + crypto::to_hex(digest) + "\"}";
}

std::string hash_of(const std::string& line) { return line.substr(line.size() - 2 - kHexHash, kHexHash); }

void mend_from(Lines& lines, std::size_t first) {
  for (std::size_t i = first; i < lines.size(); ++i) {
    lines[i] = mended(lines[i], i == 0 ? std::string(kHexHash, '0') : hash_of(lines[i - 1]));
  }
}

void replace(std::string& line, const std::string& what, const std::string& with) {
  const std::size_t at = line.find(what);
  ASSERT_NE(at, std::string::npos);
  line.replace(at, what.size(), with);
}

/// Another digit, and not just another byte: what is no digit is another finding.
void another_digit(char& digit) { digit = digit == '0' ? '1' : '0'; }

void renumber(Lines& lines, std::size_t first) {
  for (std::size_t i = first; i < lines.size(); ++i) {
    const std::size_t end = lines[i].find(',');
    lines[i] = "{\"seq\":" + std::to_string(i + 1) + lines[i].substr(end);
  }
  mend_from(lines, first);
}

struct Tampering {
  const char* name;
  std::function<void(Lines&)> with;
  std::uint64_t line;  // where the first problem is found
  const char* text;
};

std::ostream& operator<<(std::ostream& out, const Tampering& tampering) { return out << tampering.name; }

class AuditTampering : public ::testing::TestWithParam<Tampering> {};

TEST_P(AuditTampering, IsFoundAndSaidWhere) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  Lines lines = good_lines(path);
  ASSERT_EQ(lines.size(), 19u);
  GetParam().with(lines);
  put(path, join(lines));
  const Verification result = verify({path}, keys_of(*key()));
  ASSERT_FALSE(result.is_good());
  const auto first = std::ranges::find(result.findings, Weight::problem, &Finding::weight);
  EXPECT_EQ(first->file, path);
  EXPECT_EQ(first->line, GetParam().line) << first->text;
  EXPECT_NE(first->text.find(GetParam().text), std::string::npos) << first->text;
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, AuditTampering,
    ::testing::Values(
        Tampering{"edit", [](Lines& l) { replace(l[4], "alice", "mally"); }, 5, "the record was changed"},
        Tampering{"edit_of_a_status", [](Lines& l) { replace(l[13], "\"status\":200", "\"status\":403"); }, 14,
                  "the record was changed"},
        Tampering{"edit_with_its_hash_made_right",
                  [](Lines& l) {
                    replace(l[4], "alice", "mally");
                    l[4] = mended(l[4], hash_of(l[3]));
                  },
                  6, "or the one before was replaced"},
        Tampering{"edit_with_all_hashes_made_right",
                  [](Lines& l) {
                    replace(l[4], "alice", "mally");
                    mend_from(l, 4);
                  },
                  12, "signature is wrong"},
        Tampering{"edit_of_a_hash", [](Lines& l) { another_digit(l[4][l[4].size() - 3]); }, 5, "record was changed"},
        Tampering{"edit_of_the_last_record", [](Lines& l) { replace(l[17], "alice", "mally"); }, 18,
                  "the record was changed"},
        Tampering{"deletion", [](Lines& l) { l.erase(l.begin() + 4); }, 5, "record 5 is missing before this one"},
        Tampering{"deletion_of_several", [](Lines& l) { l.erase(l.begin() + 4, l.begin() + 8); }, 5,
                  "records 5 to 8 are missing before this one"},
        Tampering{"deletion_with_all_made_right",
                  [](Lines& l) {
                    l.erase(l.begin() + 4);
                    renumber(l, 4);
                  },
                  11, "signature is wrong"},
        Tampering{"deletion_of_the_first", [](Lines& l) { l.erase(l.begin()); }, 1, "first record of the file"},
        Tampering{"deletion_of_a_checkpoint", [](Lines& l) { l.erase(l.begin() + 11); }, 12, "record 12 is missing"},
        Tampering{"swap", [](Lines& l) { std::swap(l[4], l[5]); }, 5, "record 5 is missing before this one"},
        Tampering{"move_to_the_end", [](Lines& l) { std::rotate(l.begin() + 4, l.begin() + 5, l.end()); }, 5,
                  "record 5 is missing"},
        Tampering{"repetition", [](Lines& l) { l.insert(l.begin() + 5, l[4]); }, 6, "moved or repeated"},
        Tampering{"insertion", [](Lines& l) { l.insert(l.begin() + 5, "{\"subject\":\"alice\"}"); }, 6, "not a record"},
        Tampering{"insertion_of_nothing", [](Lines& l) { l.insert(l.begin() + 5, ""); }, 6, "not a record"},
        Tampering{"insertion_of_a_record_of_their_own",
                  [](Lines& l) {
                    l.insert(l.begin() + 5, l[4]);
                    renumber(l, 5);
                  },
                  13, "signature is wrong"},
        Tampering{"space", [](Lines& l) { l[4] += ' '; }, 5, "not a record"},
        Tampering{"line_joined_to_the_next",
                  [](Lines& l) {
                    l[4] += l[5];
                    l.erase(l.begin() + 5);
                  },
                  5, ""},
        Tampering{"signature_taken_away",
                  [](Lines& l) {
                    const std::size_t at = l[11].find(",\"key\":");
                    l[11].erase(at, l[11].find(",\"hash\":") - at);
                    mend_from(l, 11);
                  },
                  12, "not signed"},
        Tampering{"truncation_before_a_checkpoint_that_is_put_back",
                  [](Lines& l) { l.erase(l.begin() + 12, l.begin() + 18); }, 13, "records 13 to 18 are missing"}),
    [](const auto& tampering) { return tampering.param.name; });

TEST(AuditVerify, ATailThatIsCutOffBehindTheLastCheckpointIsSaidToBeOpen) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  Lines lines = good_lines(path);
  lines.resize(15);
  put(path, join(lines));
  const Verification result = verify({path}, keys_of(*key()));
  EXPECT_TRUE(result.is_good());
  ASSERT_EQ(result.chains.size(), 1u);
  EXPECT_FALSE(result.chains[0].is_closed);
  EXPECT_EQ(result.chains[0].sealed_seq, 12u);
  EXPECT_EQ(result.chains[0].last_seq, 15u);
}

TEST(AuditVerify, AKeyThatWasNotGivenSignsNothing) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  good_lines(path);
  const crypto::Ed25519Key other = crypto::Ed25519Key::make();
  const Verification result = verify({path}, keys_of(other));
  EXPECT_EQ(result.problems, 2u);
  EXPECT_EQ(result.chains[0].sealed_seq, 0u);
}

TEST(AuditVerify, AfterAFaultNothingIsVouchedFor) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  Lines lines = good_lines(path);
  replace(lines[14], "alice", "mally");
  put(path, join(lines));
  EXPECT_EQ(verify({path}, keys_of(*key())).chains[0].sealed_seq, 12u);
}

TEST(AuditVerify, AnotherStreamsRecordsDoNotFitIn) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl", other = folder / "other.jsonl";
  Lines lines = good_lines(path), others = good_lines(other);
  lines[11] = others[11];
  put(path, join(lines));
  EXPECT_FALSE(verify({path}, keys_of(*key())).is_good());
  EXPECT_TRUE(verify({other}, keys_of(*key())).is_good());
}

TEST(AuditVerify, AFileThatIsNotThereOrNotOneIsAProblem) {
  const Folder folder;
  EXPECT_FALSE(verify({folder / "none"}, {}).is_good());
  put(folder / "empty", "");
  EXPECT_FALSE(verify({folder / "empty"}, {}).is_good());
  put(folder / "long", std::string(1 << 20, 'x') + "\n" + std::string(1 << 20, 'y'));
  const Verification result = verify({folder / "long"}, {});
  EXPECT_FALSE(result.is_good());
  EXPECT_EQ(result.findings.size(), 2u);
}

TEST(AuditVerify, AHugeLineWithinDoesNotHideWhatFollows) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  Lines lines = good_lines(path);
  lines.insert(lines.begin() + 5, std::string(3 << 20, 'z'));
  put(path, join(lines));
  const Verification result = verify({path}, keys_of(*key()));
  EXPECT_EQ(result.findings[0].line, 6u);
  EXPECT_EQ(result.chains[0].last_seq, 19u);
}

TEST(AuditLine, EscapesWhateverComes) {
  const Folder folder;
  const std::string path = folder / "audit.jsonl";
  ChainFile file(stream_in(path), nullptr, fake_clock);
  AuditRecord record = sample("x");
  const std::string evil = "\",\"status\":1}\n{\"seq\":9,\xff\x01\xe2\x80\xa8";
  record.subject = evil;
  const std::string lengthy(10'000, '\n');
  record.path = lengthy;
  ByteRing ring(1 << 16);
  ASSERT_TRUE(audit::append(ring, RecordKind::request, false, record));
  ring.refresh();
  DecodedRecord one;
  ASSERT_TRUE(decode(ring.front(), one));
  ASSERT_TRUE(file.begin());
  file.lines().add_record(one);
  ASSERT_TRUE(file.write());
  file.end();
  const Lines lines = split_lines(contents(path));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[1].find(R"("subject":"\",\"status\":1}\n{\"seq\":9,\ufffd\u0001\u2028")"), std::string::npos);
  EXPECT_NE(lines[1].find("\\n...\",\"model\""), std::string::npos) << "cut, and marked so";
  EXPECT_TRUE(verify({path}, {}).is_good());
  const auto line = parse_line(lines[1]);
  ASSERT_TRUE(line);
  EXPECT_EQ(find_number(*line, "status"), 200u);
}

TEST(AuditLine, TakesNothingForARecordThatIsNone) {
  const Folder folder;
  const std::string line = good_lines(folder / "audit.jsonl")[1];
  ASSERT_TRUE(parse_line(line));
  for (std::size_t i = 0; i < line.size(); ++i) EXPECT_FALSE(parse_line(line.substr(0, i))) << i;
  for (std::size_t i = 1; i < line.size(); ++i) EXPECT_FALSE(parse_line(line.substr(i))) << i;
  EXPECT_FALSE(parse_line("{\"seq\":01" + line.substr(line.find(','))));
  EXPECT_FALSE(parse_line("{\"seq\":0" + line.substr(line.find(','))));
  EXPECT_FALSE(parse_line("{\"seq\":99999999999999999999" + line.substr(line.find(','))));
}

}  // namespace
}  // namespace postern::audit::test
