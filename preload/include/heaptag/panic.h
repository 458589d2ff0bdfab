/* panic.h: what happens when a program breaks the rules of the old systems' interfaces.
 *
 * The kernels that OSMalloc and MALLOC come from stop in panic(). Here a panic is, in this order:
 *
 *   1. its message is kept (heaptag_panic_message);
 *   2. one line, "heaptag: panic: MESSAGE", goes where HEAPTAG_LOG says;
 *   3. the hook is called, if there is one. It may leave by longjmp or end the process;
 *   4. if it returns, or there is none, HEAPTAG_PANIC decides:
 *
 *        abort (default): SIGABRT
 *
 *        exit:N: the process ends with status N, 0 to 255, as by _exit; a report is written
 *
 *        warn: the program goes on: the call that panicked has changed nothing, and one that
 *        returns a pointer returns NULL
 *
 * Works in C and C++; link with -lheaptag (a library that is loaded under the preload need not).
 * Sources: panic(9) of the BSDs and XNU (panicstr); the rest is heaptag's own.
 */
#ifndef HEAPTAG_PANIC_H
#define HEAPTAG_PANIC_H

#ifdef __cplusplus
extern "C" {
#endif

/* Called with the message of a panic: one line without a prefix and without a newline. The text
 * belongs to the library and stays as it is until the next panic.
 * No lock of the library is held, so that the hook may call anything that the interrupted function
 * might have called, allocate, and leave by longjmp: the call that panicked has changed nothing,
 * and the library can be used as before. A hook that panics itself is called again. */
typedef void (*heaptag_panic_hook)(const char* message);

/* Installs `hook` for all threads and returns the one it replaces; NULL stands for none. When this
 * returns, panics that begin later call the new one.
 * Errors: none. errno: preserved. Threads: safe. Signals: safe. Fork: a child has its parent's. */
heaptag_panic_hook heaptag_set_panic_hook(heaptag_panic_hook hook);

/* The message of the last panic of any thread, or NULL if there was none: what the kernels keep in
 * `panicstr`. The text belongs to the library (up to 511 characters, ends with a zero) and is
 * overwritten by the next panic: copy it if other threads may panic meanwhile.
 * Errors: none. errno: preserved. Threads: safe, but for the above. Signals: safe. */
const char* heaptag_panic_message(void);

#ifdef __cplusplus
}
#endif

#endif
