// A forked child has its parent's areas, under new ids: the same memory, or copies of it, as
// HEAPTAG_AREAS_FORK says. Layer: core/areas.
#pragma once

namespace heaptag::areas {

/// For pthread_atfork.
void prepare_fork();
void after_fork_in_parent();
void after_fork_in_child();

}  // namespace heaptag::areas
