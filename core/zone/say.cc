#include "core/zone/say.h"

namespace heaptag::zone {

constinit Listener listener{};

}  // namespace heaptag::zone
