/* For sources that say <kernel/OS.h>: as OS.h. */
#include "../../area.h"
