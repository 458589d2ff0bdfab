/* For sources that say <drivers/area_malloc.h>: -I.../heaptag/compat. */
#include <heaptag/area_malloc.h>
