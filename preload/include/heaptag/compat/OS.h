/* For sources that say <OS.h>: -I.../heaptag/compat. */
#include <heaptag/area.h>
