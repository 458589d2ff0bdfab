// The version of the library: set by the build.
#pragma once

namespace heaptag::report {

inline constexpr const char* kVersion = HEAPTAG_VERSION;

}  // namespace heaptag::report
