/* For sources that say <OS.h>: -I.../heaptag/compat. Areas alone: no semaphores, threads or ports.
 */
#include "../area.h"
