/* The panic hook: who is called, with what, and what may be done in it. HEAPTAG_PANIC=warn lets the
 * cases go on where a hook returns. */
#include <heaptag/mtype.h>
#include <heaptag/osmalloc.h>
#include <pthread.h>

#include "cases.h"

static int calls_of_first, calls_of_second;
static char seen[512];

static void first(const char* message) {
  calls_of_first++;
  snprintf(seen, sizeof seen, "%s", message);
}

static void second(const char* message) {
  (void)message;
  calls_of_second++;
}

static void panic_once(void) {
  OSFree(NULL, 1, NULL);
}

static void installing(void) {
  CHECK(heaptag_panic_message() == NULL);
  CHECK(heaptag_set_panic_hook(first) == NULL);
  panic_once();
  CHECK(calls_of_first == 1 && strcmp(seen, heaptag_panic_message()) == 0);
  CHECK(strchr(seen, '\n') == NULL && strncmp(seen, "heaptag", 7) != 0);
  CHECK(heaptag_set_panic_hook(second) == first);
  panic_once();
  CHECK(calls_of_first == 1 && calls_of_second == 1);
  CHECK(heaptag_set_panic_hook(NULL) == second);
  panic_once();
  CHECK(calls_of_first == 1 && calls_of_second == 1);
  CHECK(heaptag_set_panic_hook(NULL) == NULL);
}

// A hook that panics itself is called again.
static void panics_twice(const char* message) {
  (void)message;
  if (++calls_of_first < 3) {
    panic_once();
  }
}

static void nested(void) {
  heaptag_set_panic_hook(panics_twice);
  panic_once();
  CHECK_EQUAL(calls_of_first, 3);
}

// It may allocate with what has just panicked, and leave: a thousand times.
static OSMallocTag tag;

static void allocates_and_leaves(const char* message) {
  CHECK(message == heaptag_panic_message());
  OSFree(OSMalloc(100, tag), 100, tag);
  char* block;
  MALLOC(block, char*, 100, M_TEMP, M_WAITOK);
  FREE(block, M_TEMP);
  free(malloc(100));
  calls_of_first++;
  longjmp(before_panic, 1);
}

static void leaving(void) {
  tag = OSMalloc_Tagalloc("hook", OSMT_DEFAULT);
  void* block = OSMalloc(100, tag);
  heaptag_set_panic_hook(allocates_and_leaves);
  for (volatile int i = 0; i < 1000; i++) {
    if (setjmp(before_panic) == 0) {
      switch (i % 4) {
        case 0:
          OSFree(block, 99, tag);
          break;
        case 1:
          FREE(block, M_TEMP);
          break;
        case 2:
          OSMalloc(1, NULL);
          break;
        default:
          OSMalloc_Tagfree(NULL);
      }
      CHECK(0);
    }
  }
  CHECK_EQUAL(calls_of_first, 1000);
  OSFree(block, 100, tag);
  OSMalloc_Tagfree(tag);
}

// One hook for all threads.
static void* panic_in_thread(void* unused) {
  panic_once();
  return unused;
}

static void threads(void) {
  heaptag_set_panic_hook(first);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, panic_in_thread, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK_EQUAL(calls_of_first, 1);
}

static const struct test_case cases[] = {
    {"installing", installing}, {"nested", nested}, {"leaving", leaving}, {"threads", threads}};

MAIN(cases)
