/* The header, with types and constants that a program has already, and with other headers behind
 * it. Also compiled as C++. */
#include <limits.h>
#include <stdint.h>

typedef int32_t int32;
typedef uint32_t uint32;
#define B_OK 0

#include <heaptag/area.h>

#include <heaptag/heaptag.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void) {
  void* at = NULL;
  const area_id id = create_area("header", &at, B_ANY_ADDRESS, B_PAGE_SIZE, B_NO_LOCK, B_READ_AREA);
  area_info info;
#ifdef __cplusplus
  ssize_t cookie = 0; /* Haiku's */
#else
  int32 cookie = 0;
#endif
  int count = 0;
  while (get_next_area_info(B_CURRENT_TEAM, &cookie, &info) == B_OK) {
    ++count;
  }
  return id > 0 && count == 1 && info.area == id && delete_area(id) == B_OK ? 0 : 1;
}
