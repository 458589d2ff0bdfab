// Signals by name, as people and kill(1) write them. Layer: core/config.  Allocates: no.
#pragma once

#include <string_view>

#include "core/base/sink.h"

namespace heaptag::config {

/// "USR1", "SIGUSR1", "usr1", "10", "RTMIN", "RTMIN+2", "RTMAX-1" as a number. 0 when it is no
/// signal, or none that a report may be asked for with: then `advice` gets what to say after its
/// name ("is no signal; the nearest is USR1"), less than 96 characters.
int read_signal(std::string_view text, const Sink& advice);

}  // namespace heaptag::config
