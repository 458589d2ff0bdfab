/* For sources that say <kernel/OS.h>: -I.../heaptag/compat. */
#include <heaptag/area.h>
