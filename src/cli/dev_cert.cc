#include "cli/dev_cert.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <ostream>
#include <string_view>
#include <system_error>

#include "crypto/certificate.h"
#include "crypto/self_signed.h"

namespace postern::cli {
namespace {

constexpr std::chrono::hours kLife{30 * 24};
constexpr std::chrono::hours kLeast{24};  // what an existing pair must still live

// Written beside and renamed, so that a reader (a running postern) never meets half a file. Returns what went wrong.
std::string write_private(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  ::unlink(beside.c_str());
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return "cannot write " + beside + ": " + std::strerror(errno);
  const bool whole = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int failure = errno;
  ::close(fd);
  if (!whole) return "cannot write " + beside + ": " + std::strerror(failure);
  if (::rename(beside.c_str(), path.c_str()) != 0) return "cannot write " + path + ": " + std::strerror(errno);
  return {};
}

bool is_usable(const std::string& cert, const std::string& key) {
  const crypto::Loaded<crypto::Certificate> pair = crypto::Certificate::load("dev-cert", cert, key, {});
  return pair && pair.value->not_after() > std::chrono::system_clock::now() + kLeast;
}

}  // namespace

int dev_cert_command(const std::string& dir, std::ostream& out, std::ostream& err) {
  const std::string cert = dir + "/cert.pem";
  const std::string key = dir + "/key.pem";
  if (is_usable(cert, key)) {
    out << "kept " << cert << "\n";
    return 0;
  }
  std::error_code failure;
  std::filesystem::create_directories(dir, failure);
  if (failure) {
    err << "dev-cert: cannot make directory " << dir << ": " << failure.message() << "\n";
    return 1;
  }
  const auto made = crypto::make_self_signed({"localhost", "127.0.0.1", "::1"}, kLife);
  std::string error = made.error;
  if (made) error = write_private(key, made.value->key_pem.reveal());
  if (made && error.empty()) error = write_private(cert, made.value->cert_pem);
  if (!error.empty()) {
    err << "dev-cert: " << error << "\n";
    return 1;
  }
  out << "made " << cert << " and " << key << " for localhost, 127.0.0.1 and ::1, valid for 30 days\n";
  return 0;
}

}  // namespace postern::cli
