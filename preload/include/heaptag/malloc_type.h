/* malloc_type.h: memory types that are declared, as in NetBSD: `struct malloc_type`.
 *
 *     MALLOC_DEFINE(M_SESSION, "session", "open sessions");        in one source file
 *     MALLOC_DECLARE(M_SESSION);                                   in a header
 *     MALLOC(s, struct session*, sizeof *s, M_SESSION, M_WAITOK);  see mtype.h
 *
 * A type becomes known by being attached. What MALLOC_DEFINE and MALLOC_DEFINE_LIMIT define is
 * attached before main, or when its library is loaded, ahead of other constructors; what
 * MALLOC_JUSTDEFINE defines waits for malloc_type_attach. An attached type has a number of its own,
 * like the types of mtype.h, and everything that is said of those holds.
 *
 * Included by mtype.h. Source: malloc(9) of NetBSD.
 */
#ifndef HEAPTAG_MALLOC_TYPE_H
#define HEAPTAG_MALLOC_TYPE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Made by the macros below only. The caller's. */
struct malloc_type {
  unsigned long ks_magic;   /* M_MAGIC */
  const char* ks_shortdesc; /* the name in statistics and reports: copied when attached */
  const char* ks_longdesc;  /* for people; unused */
  unsigned long ks_limit;   /* bytes that may be in use at once; 0: any number */
  int ks_type;              /* the number, written by malloc_type_attach; 0: never attached */
};

#define M_MAGIC 877983977UL

/* Makes `type` known. The name: up to 63 bytes, what is longer is cut off. Types that share a name
 * are two, but: the name of a detached or retired type takes that type's number and figures on.
 * Panics: NULL or another magic, "malloc_type_attach: bad magic"; attached already,
 * "malloc_type_attach: 'NAME' is already on the list"; no number is free, "malloc_type_attach:
 * 'NAME': no room for more types".
 * Threads: safe. Signals: not for handlers. */
extern void malloc_type_attach(struct malloc_type* type) __asm__("heaptag_malloc_type_attach");

/* The reverse: MALLOC panics with the type from now on. Blocks in use remain, are told in the log,
 *     heaptag: memory type 'NAME' was detached with N blocks (B bytes) in use
 * and may be freed with it.
 * Panics: as above for the magic; not attached, "malloc_type_detach: 'NAME' is not on the list".
 * Threads: safe, but not against MALLOC with this type. Signals: not for handlers. */
extern void malloc_type_detach(struct malloc_type* type) __asm__("heaptag_malloc_type_detach");

/* From now on, at most `limit` bytes of the type may be in use before the next MALLOC; 0: any
 * number. Blocks in use stay as they are, also when they are more. Wakes those who wait for the old
 * limit. A type that is not attached keeps it until it is.
 * Panics: NULL or another magic, "malloc_type_setlimit: bad magic". Threads: safe. Signals: not for
 * handlers. */
extern void malloc_type_setlimit(struct malloc_type* type,
                                 unsigned long limit) __asm__("heaptag_malloc_type_setlimit");

/* Its number, for heaptag_mtype_get_stats (M_DEVBUF and M_TEMP, cast to a pointer, are theirs); 0
 * when it was never attached, -1 when it is NULL or has
 * another magic: MALLOC and FREE panic with these. Does not panic. */
extern int heaptag_malloc_type_number(const struct malloc_type* type);

/* Says that the library that defined the type is being unloaded (by the macros, also at exit). The
 * type can still be used; the next one of its name takes its number and figures on, so that a
 * plugin that comes and goes does not use numbers up. Nothing happens for what is no type. Threads:
 * safe. Signals: not for handlers. */
extern void heaptag_malloc_type_retire(int type);

/* Each is followed by a semicolon, and `static` may stand before those that define. `type` becomes
 * an array of one, so that it stands for a pointer. `name`, `description`: texts. `limit`: bytes,
 * 0: none. */
#define MALLOC_DECLARE(type) extern struct malloc_type type[1]

#define MALLOC_JUSTDEFINE_LIMIT(type, name, description, limit) \
  struct malloc_type type[1] = {{M_MAGIC, name, description, limit, 0}}

#define MALLOC_JUSTDEFINE(type, name, description) \
  MALLOC_JUSTDEFINE_LIMIT(type, name, description, 0)

#define MALLOC_DEFINE_LIMIT(type, name, description, limit)                   \
  MALLOC_JUSTDEFINE_LIMIT(type, name, description, limit);                    \
  __attribute__((constructor(101))) static void heaptag_attach_##type(void) { \
    malloc_type_attach(type);                                                 \
  }                                                                           \
  __attribute__((destructor(101))) static void heaptag_retire_##type(void) {  \
    heaptag_malloc_type_retire((type)->ks_type);                              \
  }                                                                           \
  struct malloc_type

#define MALLOC_DEFINE(type, name, description) MALLOC_DEFINE_LIMIT(type, name, description, 0)

#ifdef __cplusplus
}
#endif

#endif
