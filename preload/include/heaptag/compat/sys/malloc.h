/* For sources that say <sys/malloc.h>: -I.../heaptag/compat. u_long and caddr_t come with it. */
#include <heaptag/mtype.h>
#include <sys/types.h>
