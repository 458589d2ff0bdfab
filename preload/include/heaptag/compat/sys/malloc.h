/* For sources that say <sys/malloc.h>: -I.../heaptag/compat. u_long and caddr_t come with it. */
#include <sys/types.h>

#include "../../mtype.h"

#ifndef __USE_MISC /* -ansi: the C library hides them */
typedef unsigned char u_char;
typedef unsigned short u_short;
typedef unsigned int u_int;
typedef unsigned long u_long;
typedef char* caddr_t;
#endif
