// Apart from the other names: every process asks for it, most never for those.
#include "core/base/glob.h"
#include "core/tag/wrapper_names.h"

namespace heaptag::tag {
namespace {

constexpr char kOpaqueModules[] =
#define HEAPTAG_WRAPPERS(modules, names)
#define HEAPTAG_WRAPPER_HABITS(names)
#define HEAPTAG_NO_WRAPPERS(names)
#define HEAPTAG_OPAQUE_MODULES(modules) modules " "
#include "core/tag/wrappers.def"
    ;
#undef HEAPTAG_WRAPPERS
#undef HEAPTAG_WRAPPER_HABITS
#undef HEAPTAG_NO_WRAPPERS
#undef HEAPTAG_OPAQUE_MODULES

}  // namespace

bool is_opaque_module(std::string_view module) {
  return any_glob_matches(kOpaqueModules, module);
}

}  // namespace heaptag::tag
