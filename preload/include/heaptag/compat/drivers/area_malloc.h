/* For sources that say <drivers/area_malloc.h>: -I.../heaptag/compat. */
#include "../../area_malloc.h"
