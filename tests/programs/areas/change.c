/* resize_area and set_area_protection: R1 to R7, P1 to P4 of the conformance cases. */
#include "check.h"

static void r1_grow(void) {
  void* at = NULL;
  const area_id id = make("g", &at, 2 * PAGE);
  char* area = at;
  memset(area, 'd', 2 * PAGE);
  SAME(resize_area(id, 1000 * PAGE), B_OK);
  const area_info info = info_of(id);
  CHECK(info.address == at);
  SAME(info.size, 1000 * PAGE);
  for (size_t i = 0; i < 1000 * PAGE; ++i) {
    CHECK(area[i] == (i < 2 * PAGE ? 'd' : 0));
  }
  WRITES(area + 1000 * PAGE - 1);
  SAME(area_for(area + 1000 * PAGE - 1), id);
}

static void r2_shrink(void) {
  void* at = NULL;
  const area_id id = make("s", &at, 8 * PAGE);
  char* area = at;
  memset(area, 'd', 8 * PAGE);
  SAME(resize_area(id, 3 * PAGE), B_OK);
  SAME(info_of(id).size, 3 * PAGE);
  SAME(info_of(id).ram_size, 3 * PAGE);
  READ_FAULTS(area + 3 * PAGE);
  WRITE_FAULTS(area + 8 * PAGE - 1);
  SAME(area_for(area + 3 * PAGE), B_ERROR);
  SAME(area[3 * PAGE - 1], 'd');
}

/* A clone in another process, which makes no call from then on. */
static void role_watches(void) {
  void* at = NULL;
  CHECK(clone_area("far", &at, B_ANY_ADDRESS, RW, find_area("near")) > 0);
  char* area = at;
  READ_FAULTS(area + 4 * PAGE);
  TELL(0);
  HEAR();
  CHECK(area[63 * PAGE] == 'n');
  area[62 * PAGE] = 'f';
  TELL(0);
  HEAR();
  READ_FAULTS(area + 2 * PAGE);
  SAME(area[PAGE], 'k');
  TELL(0);
}

static void r3_all_grow_together(void) {
  void *at, *other;
  const area_id id = make("near", &at, 4 * PAGE);
  const area_id clone = clone_area("same process", &other, B_ANY_ADDRESS, RW, id);
  struct peer peer = start_peer("watches");
  hear_from(peer.from);
  SAME(resize_area(clone, 64 * PAGE), B_OK); /* by way of any of them */
  SAME(info_of(id).size, 64 * PAGE);
  SAME(info_of(find_area("far")).size, 64 * PAGE);
  ((char*)at)[63 * PAGE] = 'n';
  SAME(((char*)other)[63 * PAGE], 'n');
  tell_to(peer.to, 0);
  hear_from(peer.from);
  SAME(((char*)at)[62 * PAGE], 'f');
  ((char*)at)[PAGE] = 'k';
  SAME(resize_area(id, 2 * PAGE), B_OK);
  READ_FAULTS((char*)other + 2 * PAGE);
  tell_to(peer.to, 0);
  hear_from(peer.from);
  end_well(peer);
}

/* One of the clones has no room: nobody is changed. */
static void r4_all_or_none(void) {
  void *at, *blocked, *wall;
  const area_id id = make("r4", &at, 4 * PAGE);
  char* range = free_range(64 * PAGE);
  blocked = range;
  const area_id clone = clone_area("blocked", &blocked, B_EXACT_ADDRESS, RW, id);
  CHECK(clone > 0);
  wall = range + 4 * PAGE;
  const area_id wall_id = create_area("wall", &wall, B_EXACT_ADDRESS, PAGE, B_NO_LOCK, RW);
  CHECK(wall_id > 0);
  SAME(resize_area(id, 8 * PAGE), B_ERROR);
  SAME(resize_area(clone, 8 * PAGE), B_ERROR);
  SAME(info_of(id).size, 4 * PAGE);
  SAME(info_of(clone).size, 4 * PAGE);
  READ_FAULTS((char*)at + 4 * PAGE);
  SAME(area_for((char*)wall), wall_id);
  SAME(resize_area(id, 2 * PAGE), B_OK);
  SAME(resize_area(id, 4 * PAGE), B_OK);
  SAME(delete_area(wall_id), B_OK);
  SAME(resize_area(id, 8 * PAGE), B_OK); /* it is free again */
  WRITES((char*)blocked + 8 * PAGE - 1);
}

static void role_is_blocked(void) {
  char* range = free_range(64 * PAGE);
  void *at = range, *wall = range + 4 * PAGE;
  CHECK(clone_area("far", &at, B_EXACT_ADDRESS, RW, find_area("r4")) > 0);
  CHECK(create_area("wall", &wall, B_EXACT_ADDRESS, PAGE, B_NO_LOCK, RW) > 0);
  TELL(0);
  HEAR();
}

static void r4_blocked_elsewhere(void) {
  void* at = NULL;
  const area_id id = make("r4", &at, 4 * PAGE);
  struct peer peer = start_peer("is_blocked");
  hear_from(peer.from);
  SAME(resize_area(id, 5 * PAGE), B_ERROR);
  SAME(info_of(id).size, 4 * PAGE);
  end_by_kill(peer); /* the dead block nobody */
  SAME(resize_area(id, 5 * PAGE), B_OK);
}

static void r5_bad_sizes(void) {
  void* at = NULL;
  const area_id id = make("r5", &at, 4 * PAGE);
  SAME(resize_area(id, 4097), B_BAD_VALUE);
  SAME(resize_area(id, 1), B_BAD_VALUE);
  SAME(resize_area(id, 0), B_BAD_VALUE);
  SAME(resize_area(NOWHERE, PAGE), B_BAD_VALUE);
  SAME(resize_area(-1, PAGE), B_BAD_VALUE);
  SAME(resize_area(0, PAGE), B_BAD_VALUE);
  SAME(info_of(id).size, 4 * PAGE);
}

static void r6_same_size(void) {
  void* at = NULL;
  const area_id id = make("r6", &at, 4 * PAGE);
  strcpy(at, "kept");
  SAME(resize_area(id, 4 * PAGE), B_OK);
  CHECK(strcmp(at, "kept") == 0);
}

static void r7_nothing_comes_back(void) {
  void* at = NULL;
  const area_id id = make("r7", &at, 8 * PAGE);
  memset(at, 'o', 8 * PAGE);
  SAME(resize_area(id, 4 * PAGE), B_OK);
  SAME(resize_area(id, 8 * PAGE), B_OK);
  for (size_t i = 0; i < 8 * PAGE; ++i) {
    CHECK(((char*)at)[i] == (i < 4 * PAGE ? 'o' : 0));
  }
}

/* Beyond the room that was set aside (16 times its size, or 1 GiB): in place, or not at all. */
static void far_growth(void) {
  void* at = NULL;
  const area_id id = make("far", &at, PAGE);
  const status_t status = resize_area(id, ((size_t)1 << 30) + 64 * PAGE);
  CHECK(status == B_OK || status == B_ERROR || status == B_NO_MEMORY);
  if (status == B_OK) {
    WRITES((char*)at + ((size_t)1 << 30) + 63 * PAGE);
  } else {
    SAME(info_of(id).size, PAGE);
  }
}

static void locks_follow(void) {
  void* at = NULL;
  const area_id id = create_area("l", &at, B_ANY_ADDRESS, 4 * PAGE, B_FULL_LOCK, RW);
  CHECK(id > 0);
  const size_t before = status_bytes("VmLck");
  SAME(resize_area(id, 16 * PAGE), B_OK);
  SAME(status_bytes("VmLck"), before + 12 * PAGE);
  SAME(info_of(id).ram_size, 16 * PAGE);
  SAME(resize_area(id, 2 * PAGE), B_OK);
  SAME(status_bytes("VmLck"), before - 2 * PAGE);
}

static void p1_to_read_only(void) {
  void *at, *other;
  const area_id id = make("p", &at, 4 * PAGE);
  const area_id clone = clone_area("c", &other, B_ANY_ADDRESS, RW, id);
  SAME(set_area_protection(id, B_READ_AREA), B_OK);
  WRITE_FAULTS(at);
  READS(at);
  strcpy(other, "still");
  CHECK(strcmp(at, "still") == 0);
  SAME(info_of(id).protection, B_READ_AREA);
  SAME(info_of(clone).protection, RW);
  SAME(set_area_protection(id, 0), B_OK);
  READ_FAULTS(at);
}

static void p2_to_writable(void) {
  void* at = NULL;
  const area_id id = create_area("p", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, B_READ_AREA);
  WRITE_FAULTS(at);
  SAME(set_area_protection(id, RW), B_OK);
  WRITES(at);
  SAME(set_area_protection(id, B_WRITE_AREA), B_OK);
  *(volatile char*)at = 1;
}

static void p3_of_every_page(void) {
  void* at = NULL;
  const area_id id = make("p", &at, 4 * PAGE);
  CHECK(mprotect((char*)at + PAGE, PAGE, PROT_NONE) == 0);
  READ_FAULTS((char*)at + PAGE);
  SAME(set_area_protection(id, RW), B_OK);
  WRITES((char*)at + PAGE);
  /* New pages are like the others. */
  SAME(set_area_protection(id, B_READ_AREA), B_OK);
  SAME(resize_area(id, 8 * PAGE), B_OK);
  WRITE_FAULTS((char*)at + 7 * PAGE);
}

static void role_has_an_area(void) {
  void* at = NULL;
  TELL(make("theirs", &at, PAGE));
  HEAR();
  WRITES(at);
}

static void p4_bad_arguments(void) {
  void* at = NULL;
  const area_id id = make("p", &at, PAGE);
  SAME(set_area_protection(id, 4), B_BAD_VALUE);
  SAME(set_area_protection(id, 0x103), B_BAD_VALUE);
  SAME(set_area_protection(NOWHERE, RW), B_BAD_VALUE);
  SAME(set_area_protection(0, RW), B_BAD_VALUE);
  SAME(set_area_protection(-1, RW), B_BAD_VALUE);
  SAME(info_of(id).protection, RW);
  struct peer peer = start_peer("has_an_area");
  const area_id theirs = (area_id)hear_from(peer.from);
  SAME(set_area_protection(theirs, B_READ_AREA), B_BAD_VALUE);
  SAME(resize_area(theirs, 2 * PAGE), B_BAD_VALUE);
  tell_to(peer.to, 0);
  end_well(peer);
}

const struct named cases[] = {
    {"r1_grow", r1_grow},
    {"r2_shrink", r2_shrink},
    {"r3_all_grow_together", r3_all_grow_together},
    {"r4_all_or_none", r4_all_or_none},
    {"r4_blocked_elsewhere", r4_blocked_elsewhere},
    {"r5_bad_sizes", r5_bad_sizes},
    {"r6_same_size", r6_same_size},
    {"r7_nothing_comes_back", r7_nothing_comes_back},
    {"far_growth", far_growth},
    {"locks_follow", locks_follow},
    {"p1_to_read_only", p1_to_read_only},
    {"p2_to_writable", p2_to_writable},
    {"p3_of_every_page", p3_of_every_page},
    {"p4_bad_arguments", p4_bad_arguments},
    {NULL, NULL},
};

const struct named roles[] = {
    {"watches", role_watches},
    {"is_blocked", role_is_blocked},
    {"has_an_area", role_has_an_area},
    {NULL, NULL},
};
