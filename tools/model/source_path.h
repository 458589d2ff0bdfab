// File names as people read them.
#pragma once

#include <string>

namespace heaptag::tools {

/// A source file seen from the directory it was compiled in: "src/pixels.c". A file elsewhere in
/// the same tree ("../src/pixels.c", as out-of-tree builds have it) is named from the root of that
/// tree; one in another tree (a system header) keeps its full path.
std::string shorten_source_path(const std::string& file, const std::string& compile_dir);

}  // namespace heaptag::tools
