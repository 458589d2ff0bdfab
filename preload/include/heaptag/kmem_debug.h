/* kmem_debug.h: Digital UNIX's debugging of freed memory, for blocks of MALLOC and FREE.
 *
 * With HEAPTAG_KMEM_DEBUG=1 (read once, when the process starts) FREE notes who has freed the block
 * and a checksum of what is in it; MALLOC compares before it hands the block out again. A block
 * that was written to meanwhile is withdrawn: `kmem_corrupt_data` is filled in, an error report
 * goes to the log, and the process panics (panic.h): "malloc: ADDR, SIZE bytes, was modified after
 * it was freed by PC". If the panic returns, MALLOC goes on with another block.
 *
 * The block is not altered, but for its last word (8 bytes, the end of its bucket element):
 *     pc << 16 | checksum
 * `pc`: the return address of FREE in the function that called it, 48 bits. The checksum: that of
 * all bytes before, folded to 16 bits. The word is there for debuggers; what counts is a record out
 * of the program's reach, with the whole pc and a checksum of 32 bits. When the word alone was
 * overwritten, the record still has the right pc.
 *
 * Not detected: writes after the block was allocated again (see HEAPTAG_GUARD for these).
 *
 * Included by mtype.h. Source: malloc(9r) of Digital UNIX (OSF/1), NOTES; the layout of the word,
 * the names of the fields and the words of the panic are heaptag's.
 */
#ifndef HEAPTAG_KMEM_DEBUG_H
#define HEAPTAG_KMEM_DEBUG_H

#ifdef __cplusplus
extern "C" {
#endif

/* What was corrupted last; zero until then. Blocks of malloc are told here, too. Written before the
 * panic or report, by the thread that found it: read it in a hook, in a debugger, in a core file.
 */
struct kmem_corrupt_data {
  void* addr;         /* of the block */
  unsigned long size; /* in bytes, as MALLOC was asked */
  void* pc;           /* of who freed it last: in that function, behind its call of FREE */
};

extern struct kmem_corrupt_data kmem_corrupt_data __asm__("heaptag_kmem_corrupt_data");

/* Compares all freed blocks of MALLOC now, without waiting until they are used again.
 * Returns how many have been written to since FREE. Each is told in the log and withdrawn, so that
 * no later call counts it or hands it out; kmem_corrupt_data has the last one. Does not panic.
 * 0 without HEAPTAG_KMEM_DEBUG=1.
 * Threads: safe; others go on meanwhile. Signals: not for handlers. */
extern unsigned long osf_kmem_verify(void) __asm__("heaptag_osf_kmem_verify");

#ifdef __cplusplus
}
#endif

#endif
