// The value half of reading: one key, without the tables around it. Called by read.cc only.
#pragma once

#include <string>
#include <string_view>

#include "config/diagnostic.h"
#include "config/environment.h"
#include "config/node.h"
#include "config/report.h"
#include "config/schema.h"

namespace postern::config {

/// What reading needs beside the nodes; lives for one load().
struct ReadContext {
  const Environment& environment;
  const std::string& directory;  // what relative file names are seen from
  Origins& origins;
  Report& report;
};

/// "a string", "a table": for complaints about what stands where something else should.
std::string_view kind_name(Node::Kind kind);

/// The node as a value of the key's type, or false with every complaint in the report.
bool read_value(const KeySpec& key, const Node& node, const std::string& path, const ReadContext& context,
                Value& value);

}  // namespace postern::config
