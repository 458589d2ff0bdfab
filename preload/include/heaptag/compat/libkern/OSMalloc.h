/* For sources that say <libkern/OSMalloc.h>: -I.../heaptag/compat. */
#include "../../osmalloc.h"
