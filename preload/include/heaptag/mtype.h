/* mtype.h: MALLOC and FREE of OSF/1 (Digital UNIX) and 4.4BSD kernels, in user space.
 *
 *     MALLOC_TYPE_DEFINE(M_SESSION, "session", 0);
 *     struct session* s;
 *     MALLOC(s, struct session*, sizeof *s, M_SESSION, M_WAITOK | M_ZERO);
 *     if (s == NULL) ...
 *     FREE(s, M_SESSION);
 *
 * Every block has a type. A type has a name, figures (mtype_stats.h) and perhaps a limit, and is a
 * tag (origin "mtype") in every report; the functions that call MALLOC are its sites.
 *
 * Include it where it is wanted: its names (MALLOC, FREE, M_...) are short. Works in C and C++;
 * link with -lheaptag (a plugin under the preload need not). No other function of the program is
 * renamed or replaced.
 *
 * Two contexts, as in a kernel: a thread is in process context, but for what runs between
 * osf_intr_enter and osf_intr_leave and, with HEAPTAG_OSF_INTR_SIGNALS=1, for signal handlers:
 * these are interrupts. MALLOC with M_NOWAIT, and FREE, may be called by a signal handler in any
 * case.
 *
 * HEAPTAG_OSF_POOL_BYTES: the preallocated pool, made and touched when the first type is used or
 * defined (default: 4M). HEAPTAG_OSF_WAIT_MS: how long M_WAITOK waits at a limit (default: 1000).
 *
 * All: errno is preserved. Threads: safe. Fork: a child has copies of blocks and figures.
 * Source: malloc(9r) of OSF/1; kern_malloc.c of 4.4BSD-Lite2 for limits, statistics, panics.
 */
#ifndef HEAPTAG_MTYPE_H
#define HEAPTAG_MTYPE_H

#include <stddef.h>
#include "kmem_debug.h"
#include "malloc_type.h"
#include "mtype_stats.h"
#include "panic.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Types ---- */

#define M_FREE 0   /* no type */
#define M_DEVBUF 2 /* memory of drivers, and of whoever has no type of their own */
#define M_TEMP 3   /* what lives as long as a function */
#define M_LAST 512 /* types have numbers below */

/* Makes a type at run time. `name`: copied, up to 63 bytes; types that share a name are two, unless
 * the former is retired or detached (malloc_type.h): then its number is given again.
 * `limit`: bytes that may be in use at once, 0 for any number; see MALLOC.
 * Returns its number, from 4 to M_LAST - 1; -1 when there is no number left or no name. It stays
 * until the process ends. Threads: safe. Signals: not for handlers. */
extern int malloc_type_register(const char* name,
                                unsigned long limit) __asm__("heaptag_malloc_type_register");

/* The same at compile time: a variable of type int that has its number before main (or when its
 * library is loaded), ahead of other constructors. Followed by a semicolon; `static` may stand
 * before it. See malloc_type.h for
 * NetBSD's way. */
#define MALLOC_TYPE_DECLARE(type) extern int type
#define MALLOC_TYPE_DEFINE(type, name, limit)                                   \
  int type = -1;                                                                \
  __attribute__((constructor(101))) static void heaptag_register_##type(void) { \
    type = malloc_type_register(name, limit);                                   \
  }                                                                             \
  __attribute__((destructor(101))) static void heaptag_retire_##type(void) {    \
    heaptag_malloc_type_retire(type);                                           \
  }                                                                             \
  struct malloc_type

/* Another limit for a type; wakes those who wait for the old one. Blocks in use stay as they are.
 * Returns 0, or -1 when there is no such type. Signals: not for handlers. */
int heaptag_mtype_setlimit(int type, unsigned long limit);

/* ---- MALLOC and FREE ---- */

#define M_WAITOK 0 /* may block, and may take memory from the kernel */
#define M_NOWAIT 1 /* neither: what the preallocated pool has, or NULL */
#define M_ZERO 2   /* with one of them: the `size` bytes are zero */

/* MALLOC(addr, cast, size, type, flags): allocates at least `size` bytes and assigns the address,
 * cast to `cast`, to `addr`; NULL when it cannot be had. Arguments are evaluated once.
 *   addr   an lvalue of type `cast`; also the value of the expression
 *   size   bytes; 0 is as 16. Blocks are aligned to 16, content is left from earlier but for M_ZERO
 *   type   a number (M_DEVBUF, malloc_type_register) or a struct malloc_type* (malloc_type.h)
 *   flags  M_WAITOK or M_NOWAIT, and perhaps M_ZERO; other bits are ignored
 * NULL, and why:
 *   M_WAITOK in interrupt context: one line in the log,
 *     "heaptag: MALLOC: M_WAITOK in interrupt context: NULL for SIZE bytes of 'NAME'"
 *   more than 16384 bytes in interrupt context, or with M_NOWAIT: one line in the log,
 *     "heaptag: MALLOC: SIZE bytes of 'NAME' in interrupt context: NULL above 16384"
 *     "heaptag: MALLOC: SIZE bytes of 'NAME' with M_NOWAIT: NULL above 16384"
 *   M_NOWAIT and the pool has nothing: no line; no system call is made, no lock waited for
 *   M_WAITOK and the system has nothing
 *   the limit: the type has `limit` bytes or more in use before this call. M_NOWAIT returns at
 * once; M_WAITOK waits until a FREE or another limit makes room, HEAPTAG_OSF_WAIT_MS at most
 * Panics: what is no type, "malloc - bogus type N"; a detached one, "malloc - bogus type 'NAME'"; a
 * freed block that was written to (kmem_debug.h).
 * The block is the caller's until FREE. Its site is the function that MALLOC stands in. */
#define MALLOC(addr, cast, size, type, flags) \
  ((addr) = (cast)heaptag_mtype_malloc_here((size), HEAPTAG_MTYPE(type), (flags)))

/* FREE(addr, type): gives a block of MALLOC back, in any context, by any thread. NULL: nothing
 * happens. `type`: that of the block, also after it was detached. Another one is charged to the
 * block's own type; with HEAPTAG_KMEM_DEBUG=1 it panics: "free: ADDR is of type 'NAME', not
 * 'NAME'". Panics, before anything has changed:
 *
 * - what is no type: "free: bogus type N"
 *
 * - not aligned to 16, or inside of a block: "free: unaligned addr ADDR ..."
 *
 * - freed already: "free: multiple frees of ADDR ..."
 *
 * - not from MALLOC: "free: ADDR is no block of MALLOC" */
#define FREE(addr, type) heaptag_mtype_free_here((void*)(addr), HEAPTAG_MTYPE(type))

/* ---- Interrupt context ---- */

/* The calling thread is in interrupt context until as many osf_intr_leave; they nest. A leave too
 * many panics: "osf_intr_leave: not in interrupt context". Whoever has entered leaves, also after a
 * longjmp; a signal handler that is an interrupt by HEAPTAG_OSF_INTR_SIGNALS has not entered, and
 * leaves by siglongjmp as by returning. Signals: safe. */
extern void osf_intr_enter(void) __asm__("heaptag_osf_intr_enter");
extern void osf_intr_leave(void) __asm__("heaptag_osf_intr_leave");

/* 1 if the calling thread is in interrupt context, or else 0. Signals: safe. */
extern int osf_in_intr(void) __asm__("heaptag_osf_in_intr");

/* ---- What the macros are made of ---- */

extern void* heaptag_mtype_malloc(unsigned long size, int type, int flags);
extern void heaptag_mtype_free(void* addr, int type);

/* The empty statements keep the calls from becoming jumps: the return address is to lie in the
 * function that MALLOC or FREE stands in. */
__attribute__((always_inline, unused)) static __inline__ void* heaptag_mtype_malloc_here(
    unsigned long size, int type, int flags) {
  void* addr = heaptag_mtype_malloc(size, type, flags);
  __asm__ volatile("" : "+r"(addr));
  return addr;
}

__attribute__((always_inline, unused)) static __inline__ void heaptag_mtype_free_here(void* addr,
                                                                                      int type) {
  heaptag_mtype_free(addr, type);
  __asm__ volatile("");
}

__attribute__((unused)) static __inline__ int heaptag_mtype_number(int type) {
  return type;
}

#ifdef __cplusplus
}

static __inline__ int HEAPTAG_MTYPE(int type) {
  return type;
}

static __inline__ int HEAPTAG_MTYPE(const struct malloc_type* type) {
  return heaptag_malloc_type_number(type);
}
#else
#  define HEAPTAG_MTYPE(type) \
    __extension__ _Generic((type),                                             \
        struct malloc_type *: heaptag_malloc_type_number,        \
        const struct malloc_type*: heaptag_malloc_type_number,   \
        default: heaptag_mtype_number)(type)
#endif

#endif
