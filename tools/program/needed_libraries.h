// The libraries that a program is loaded with, as its loader finds them. The program does not run.
#pragma once

#include <string>
#include <vector>

namespace heaptag::tools {

struct NeededLibraries {
  std::vector<std::string> paths;    // in the order of loading, without the loader
  std::vector<std::string> missing;  // names that the loader did not find
  std::string error;                 // the loader's own words when it could not go on
  int killed_by_signal = 0;          // that ended the loader while it looked
  bool is_preloadable = false;       // the library asked for is among those loaded

  [[nodiscard]] bool is_known() const { return !paths.empty() || !missing.empty(); }
};

/// What `loader --list program` prints, taken apart. `preload`: a path, "" for none.
NeededLibraries parse_loader_list(const std::string& output, const std::string& preload);

/// Asks the program's loader, with `preload` in LD_PRELOAD. Only loaders that belong to root are
/// run: the file names its own.
NeededLibraries find_needed_libraries(const std::string& loader,
                                      const std::string& program,
                                      const std::string& preload);

}  // namespace heaptag::tools
