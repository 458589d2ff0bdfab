/* HEAPTAG_AREAS_DIALECT=haiku: D3 to D13, the codes that Haiku returns where the Be Book says other
 * ones. */
#include "check.h"

static void d3_end_of_the_walk(void) {
  int32 cookie = 0;
  area_info info;
  SAME(get_next_area_info(0, &cookie, &info), B_ENTRY_NOT_FOUND);
  SAME(get_next_area_info(-5, &cookie, &info), B_BAD_TEAM_ID);
  SAME(get_next_area_info(0, NULL, &info), B_BAD_ADDRESS);
}

static void d4_info_of_nothing(void) {
  area_info info;
  SAME(get_area_info(NOWHERE, &info), B_BAD_TEAM_ID);
  SAME(get_area_info(NOWHERE, NULL), B_BAD_ADDRESS);
}

static void d5_delete_nothing(void) {
  SAME(delete_area(NOWHERE), B_BAD_VALUE);
  SAME(delete_area(-1), B_BAD_VALUE);
}

static void role_has_areas(void) {
  void *at, *cloneable, *read_only;
  TELL(make("theirs", &at, PAGE));
  TELL(create_area("cloneable", &cloneable, B_ANY_ADDRESS, PAGE, B_NO_LOCK, RW | B_CLONEABLE_AREA));
  TELL(create_area("read only", &read_only, B_ANY_ADDRESS, PAGE, B_NO_LOCK,
                   B_READ_AREA | B_CLONEABLE_AREA));
  HEAR();
}

static void d6_d11_areas_of_others(void) {
  struct peer peer = start_peer("has_areas");
  const area_id theirs = (area_id)hear_from(peer.from);
  const area_id cloneable = (area_id)hear_from(peer.from);
  const area_id read_only = (area_id)hear_from(peer.from);
  CHECK(theirs > 0 && cloneable > 0 && read_only > 0);
  SAME(delete_area(theirs), B_BAD_VALUE);
  SAME(resize_area(theirs, 2 * PAGE), B_NOT_ALLOWED);
  SAME(set_area_protection(theirs, RW), B_NOT_ALLOWED);
  void* at = NULL;
  SAME(clone_area("c", &at, B_ANY_ADDRESS, RW, theirs), B_NOT_ALLOWED);
  CHECK(clone_area("c", &at, B_ANY_ADDRESS, RW, cloneable) > 0);
  SAME(clone_area("c", &at, B_ANY_ADDRESS, RW, read_only), B_NOT_ALLOWED);
  CHECK(clone_area("c", &at, B_ANY_ADDRESS, B_READ_AREA, read_only) > 0);
  tell_to(peer.to, 0);
  end_well(peer);
}

static void d7_d8_rounding(void) {
  void* at = NULL;
  const area_id id = create_area("r", &at, B_ANY_ADDRESS, 4097, B_NO_LOCK, RW);
  CHECK(id > 0);
  SAME(info_of(id).size, 2 * PAGE);
  SAME(create_area("r", &at, B_ANY_ADDRESS, 0, B_NO_LOCK, RW), B_BAD_VALUE);
  char* range = free_range(64 * PAGE);
  at = range + 1;
  CHECK(create_area("r", &at, B_EXACT_ADDRESS, PAGE, B_NO_LOCK, RW) > 0);
  CHECK(at == range + PAGE);
}

static void role_is_far(void) {
  void* at = free_range(PAGE);
  TELL(create_area("far", &at, B_EXACT_ADDRESS, PAGE, B_NO_LOCK, RW | B_CLONEABLE_AREA));
  TELL(create_area("far", &at, B_EXACT_ADDRESS, PAGE, B_NO_LOCK, RW));
  HEAR();
}

static void d9_no_clone_address(void) {
  struct peer peer = start_peer("is_far");
  const area_id cloneable = (area_id)hear_from(peer.from);
  const area_id plain = (area_id)hear_from(peer.from);
  void* at = NULL;
  /* One of the two exists, whatever the dialect. */
  SAME(clone_area("c", &at, B_CLONE_ADDRESS, RW, cloneable > 0 ? cloneable : plain), B_BAD_VALUE);
  tell_to(peer.to, 0);
  end_well(peer);
}

static void d10_no_kernel_areas(void) {
  void* at = NULL;
  SAME(create_area("k", &at, B_ANY_KERNEL_ADDRESS, PAGE, B_NO_LOCK, RW), B_BAD_VALUE);
}

static void d12_base_falls_back(void) {
  void* at = (void*)(((uintptr_t)1 << 47) - 16 * PAGE);
  CHECK(create_area("b", &at, B_BASE_ADDRESS, 64 * PAGE, B_NO_LOCK, RW) > 0);
  WRITES(at);
}

static void pointers_and_constants(void) {
  void* at = NULL;
  SAME(create_area(NULL, &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, RW), B_BAD_ADDRESS);
  SAME(create_area("a", NULL, B_ANY_ADDRESS, PAGE, B_NO_LOCK, RW), B_BAD_ADDRESS);
  SAME(find_area(NULL), B_BAD_ADDRESS);
  CHECK(create_area("a", &at, B_RANDOMIZED_ANY_ADDRESS, PAGE, B_NO_LOCK, RW) > 0);
  CHECK(create_area("a", &at, B_RANDOMIZED_BASE_ADDRESS, PAGE, B_NO_LOCK, RW) > 0);
  const uint32 all = RW | B_EXECUTE_AREA | B_STACK_AREA | B_CLONEABLE_AREA;
  const area_id id = create_area("x", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, all);
  CHECK(id > 0);
  SAME(info_of(id).protection, all);
  *(unsigned char*)at = 0xc3; /* ret */
  ((void (*)(void))(uintptr_t)at)();
  SAME(create_area("a", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, 0x200), B_BAD_VALUE);
}

const struct named cases[] = {
    {"d3_end_of_the_walk", d3_end_of_the_walk},
    {"d4_info_of_nothing", d4_info_of_nothing},
    {"d5_delete_nothing", d5_delete_nothing},
    {"d6_d11_areas_of_others", d6_d11_areas_of_others},
    {"d7_d8_rounding", d7_d8_rounding},
    {"d9_no_clone_address", d9_no_clone_address},
    {"d10_no_kernel_areas", d10_no_kernel_areas},
    {"d12_base_falls_back", d12_base_falls_back},
    {"pointers_and_constants", pointers_and_constants},
    {NULL, NULL},
};

const struct named roles[] = {
    {"has_areas", role_has_areas},
    {"is_far", role_is_far},
    {NULL, NULL},
};
