// A JSON file that somebody else keeps up to date. It is watched; whatever is wrong with it, the endpoints that it had
// stay. Reading blocks for as long as the disk does: local files of at most a mebibyte.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "discovery/endpoint_file.h"
#include "postern/discovery.h"

namespace postern::discovery {
namespace {

/// Empty with `why` when it cannot be read.
std::optional<std::string> read_file(const std::string& path, std::string& why) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    why = std::strerror(errno);
    return std::nullopt;
  }
  struct stat info {};
  std::string content;
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    why = "not a file";
  } else {
    content.resize(kMostFileBytes + 1);
    std::size_t size = 0;
    ssize_t got = 0;
    while (size < content.size() && (got = ::read(fd, content.data() + size, content.size() - size)) > 0) {
      size += static_cast<std::size_t>(got);
    }
    if (got < 0) why = std::strerror(errno);
    if (size > kMostFileBytes) why = "larger than 1 MiB";
    content.resize(size);
  }
  ::close(fd);
  if (!why.empty()) return std::nullopt;
  return content;
}

class FileSource final : public DiscoverySource {
 public:
  FileSource(std::string file, DiscoveryTools& tools) : file_(std::move(file)), tools_(tools) {}

  void start(DiscoverySink& sink) override {
    sink_ = &sink;
    watch_ = tools_.watch(file_, [this] { refresh(); });
    refresh();
  }

  void refresh() override {
    std::string why;
    const std::optional<std::string> content = read_file(file_, why);
    if (!content) return sink_->not_found(Absence::failed, file_ + ": " + why);
    EndpointFile parsed = parse_endpoint_file(*content);
    if (!parsed.error.empty()) return sink_->not_found(Absence::invalid, file_ + ": " + parsed.error);
    if (parsed.endpoints.empty()) return sink_->not_found(Absence::empty, file_ + ": no endpoints");
    sink_->found(std::move(parsed.endpoints));
  }

 private:
  const std::string file_;
  DiscoveryTools& tools_;
  DiscoverySink* sink_ = nullptr;
  std::unique_ptr<DiscoveryWatch> watch_;
};

std::optional<DiscoveryProblem> check(const config::Upstream& settings) {
  if (settings.discovery.file.empty()) return DiscoveryProblem{"discovery.file", "missing"};
  if (!settings.discovery.name.empty()) return DiscoveryProblem{"discovery.name", "has no effect with kind \"file\""};
  return std::nullopt;
}

std::unique_ptr<DiscoverySource> make(const config::Upstream& settings, DiscoveryTools& tools) {
  return std::make_unique<FileSource>(settings.discovery.file, tools);
}

}  // namespace

extern constinit const DiscoveryKind kFileSource{
    .name = "file", .doc = "a JSON file, watched", .check = check, .make = make};

}  // namespace postern::discovery
