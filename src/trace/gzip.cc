// See gzip.h.
#include "trace/gzip.h"

#define ZLIB_CONST  // its input is const
#include <zlib.h>

namespace postern::trace {
namespace {
constexpr int kLevel = 3;  // spans repeat themselves: higher ones cost more than they save
constexpr int kGzip = 15 + 16;
constexpr int kMemory = 8;
}  // namespace

std::string gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<const Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return result == Z_STREAM_END ? out : std::string();
}

}  // namespace postern::trace
