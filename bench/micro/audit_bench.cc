// What the audit trail costs: the copies on the core (an intent and its outcome), and the two lines on the writer's
// thread, with hashes and the write into a file in memory.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <ctime>
#include <string>

#include "audit/chain_file.h"
#include "audit/file_name.h"
#include "audit/record.h"

namespace postern::audit {
namespace {

AuditRecord sample() {
  AuditRecord record;
  record.time = now_ns();
  record.request_id = "0123456789abcdef0123456789abcdef";
  record.trace_id = "0123456789abcdef0123456789abcdef";
  record.subject = "user-17@example.com";
  record.issuer = "https://login.example.com/tenant/v2.0";
  record.client_id = "batch-scorer";
  record.client = "192.0.2.17";
  record.credential = "jwt";
  record.credential_id = "5f1c9a4e-7a1b-4f61-9a55-1f0d3c7a2b10";
  record.route = "predict";
  record.method = "POST";
  record.host = "models.example.com";
  record.path = "/v1/models/resnet:predict";
  record.model = "resnet";
  record.action = "predict";
  record.decision = "allow";
  record.reason = "policy data-scientists, allow[0]";
  record.status = 200;
  record.bytes_in = 1024;
  record.bytes_out = 2048;
  record.latency = 1'234'567;
  record.upstream = "models";
  record.endpoint = "10.0.0.1:8501";
  return record;
}

void audit_copies(benchmark::State& state) {
  ByteRing ring(1 << 20);
  const AuditRecord record = sample();
  for (auto _ : state) {
    append(ring, RecordKind::intent, true, record);
    append(ring, RecordKind::outcome, false, record);
    ring.refresh();
    while (!ring.front().empty()) ring.pop();
  }
}
BENCHMARK(audit_copies);

std::int64_t unix_ns() noexcept {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

/// Batches of so many requests.
void audit_lines(benchmark::State& state) {
  config::AuditStream settings;
  settings.name = "main";
  settings.file = "/dev/shm/postern-audit-bench-" + std::to_string(::getpid());
  settings.sync = config::AuditSync::none;
  settings.rotate_size = 32 << 20;
  settings.keep = 1;
  const auto key = std::make_shared<const crypto::Ed25519Key>(crypto::Ed25519Key::make());
  {
    ChainFile file(settings, key, unix_ns);
    DecodedRecord intent, outcome;
    intent.record = sample();
    intent.kind = RecordKind::intent;
    ByteRing ring(1 << 20);
    append(ring, RecordKind::outcome, false, sample());
    ring.refresh();
    decode(ring.front(), outcome);
    for (auto _ : state) {
      if (!file.begin()) state.SkipWithError("no file");
      for (std::int64_t i = 0; i < state.range(0); ++i) {
        file.lines().add_record(intent);
        file.lines().add_record(outcome);
        if (file.lines().position().unsealed >= 1000) file.lines().add_checkpoint("records");
      }
      if (!file.write()) state.SkipWithError("no room");
      file.end();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
  }
  ::unlink(settings.file.c_str());
  for (const std::string& closed : list_closed(settings.file)) ::unlink(closed.c_str());
  ::unlink((settings.file + ".lock").c_str());
}
BENCHMARK(audit_lines)->Arg(1)->Arg(16)->Arg(128);

}  // namespace
}  // namespace postern::audit
