/* heaptag.h: tags that a program gives to its own memory.
 *
 * Works in C and C++, with any compiler, without linking anything: when the program does not run
 * under heaptag, nothing happens. The library is looked for once per source file that uses this
 * header, by dlsym.
 *
 *     heaptag_tag_push("parser");           C
 *     tree = parse(text);
 *     heaptag_tag_pop();
 *
 *     {                                     C++
 *       heaptag::TagScope scope("parser");
 *       tree = parse(text);
 *     }
 *
 * While a tag is on top of a thread's stack, every block that this thread allocates (and every one
 * that it reallocates) belongs to the tag, whatever HEAPTAG_TAGS says. Frees are charged to the tag
 * that the block was allocated with, whenever and wherever they happen.
 */
#ifndef HEAPTAG_HEAPTAG_H
#define HEAPTAG_HEAPTAG_H

#include <dlfcn.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Private: the functions of the library; null when it is not there. */
struct heaptag_api_ {
  void (*push)(const char* name);
  void (*pop)(void);
  int looked_up;
};

static inline const struct heaptag_api_* heaptag_api_get_(void) {
  static struct heaptag_api_ api;
  if (!__atomic_load_n(&api.looked_up, __ATOMIC_ACQUIRE)) {
    void* const everywhere = NULL; /* RTLD_DEFAULT, which needs _GNU_SOURCE */
    void* push = dlsym(everywhere, "heaptag_tag_push");
    void* pop = dlsym(everywhere, "heaptag_tag_pop");
    __atomic_store_n((void**)&api.push, push, __ATOMIC_RELAXED);
    __atomic_store_n((void**)&api.pop, pop, __ATOMIC_RELAXED);
    __atomic_store_n(&api.looked_up, 1, __ATOMIC_RELEASE);
  }
  return &api;
}

/* Blocks that the calling thread allocates from now on belong to the tag `name`, up to the matching
 * heaptag_tag_pop. Tags nest. `name`: copied; a null pointer or "" repeats the tag on top, if there
 * is one. Up to 64 levels have an effect and 16,383 different names have tags of their own: a name
 * should be a constant, not made up for each call.
 * Errors: none; without memory for a tag the one below stays in force. errno: preserved.
 * Threads: acts on the calling thread alone; new threads start with none. Coroutines that change
 * threads in between must pop before they leave. Signals: not for handlers.
 * Cost: some 20 ns; the first use of a name in a thread takes a lock. */
static inline void heaptag_push(const char* name) {
  const struct heaptag_api_* api = heaptag_api_get_();
  if (api->push != NULL) {
    api->push(name);
  }
}

/* Undoes the last push of the calling thread. Harmless when there is none. */
static inline void heaptag_pop(void) {
  const struct heaptag_api_* api = heaptag_api_get_();
  if (api->pop != NULL) {
    api->pop();
  }
}

/* The names that programs use. The library exports functions of these names, which is why the
 * inline ones have others. */
#define heaptag_tag_push heaptag_push
#define heaptag_tag_pop heaptag_pop

#ifdef __cplusplus
}

namespace heaptag {

/* Pushes a tag for as long as the object lives, also when an exception leaves the block. */
class TagScope {
 public:
  explicit TagScope(const char* name) { heaptag_push(name); }

  ~TagScope() { heaptag_pop(); }

  TagScope(const TagScope&) = delete;
  TagScope& operator=(const TagScope&) = delete;
};

}  // namespace heaptag
#endif

#endif
