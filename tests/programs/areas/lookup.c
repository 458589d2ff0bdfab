/* area_for, find_area, get_area_info and get_next_area_info: L1 to L3, F1 to F6. */
#include "check.h"

#include <pthread.h>

static char in_data[B_PAGE_SIZE];

static void l1_area_for(void) {
  char* range = free_range(64 * PAGE);
  void* at = range + 4 * PAGE;
  const area_id id = create_area("a", &at, B_EXACT_ADDRESS, 4 * PAGE, B_NO_LOCK, RW);
  CHECK(id > 0);
  char* area = at;
  SAME(area_for(area), id);
  SAME(area_for(area + 1), id);
  SAME(area_for(area + 4 * PAGE - 1), id);
  SAME(area_for(area + 4 * PAGE), B_ERROR); /* mapped, as room to grow, and no part of it */
  SAME(area_for(area - 1), B_ERROR);
  SAME(area_for(NULL), B_ERROR);
  SAME(area_for((void*)-1), B_ERROR);
  SAME(area_for(in_data), B_ERROR);
  SAME(area_for((void*)&id), B_ERROR);
  SAME(area_for(range), B_ERROR);
  SAME(delete_area(id), B_OK);
  SAME(area_for(area), B_ERROR);
}

static void role_has_an_area(void) {
  void* at = free_range(4 * PAGE);
  TELL(create_area("theirs", &at, B_EXACT_ADDRESS, 4 * PAGE, B_NO_LOCK, RW));
  TELL(at);
  HEAR();
}

static void l2_addresses_are_local(void) {
  struct peer peer = start_peer("has_an_area");
  const area_id id = (area_id)hear_from(peer.from);
  void* theirs = (void*)hear_from(peer.from);
  SAME(area_for(theirs), B_ERROR);
  CHECK(info_of(id).address == theirs);
  void* at = theirs;
  const area_id clone = clone_area("ours", &at, B_EXACT_ADDRESS, RW, id);
  CHECK(clone > 0 && clone != id);
  SAME(area_for(theirs), clone);
  tell_to(peer.to, 0);
  end_well(peer);
}

/* The example of the Be Book: whose is the area of that name? */
static void l3_team_of_a_named_area(void) {
  struct peer peer = start_peer("has_an_area");
  hear_from(peer.from);
  area_info info;
  SAME(get_area_info(find_area("theirs"), &info), B_OK);
  SAME(info.team, peer.pid);
  CHECK(info.team != getpid());
  tell_to(peer.to, 0);
  end_well(peer);
}

static void find_is_to_the_byte(void) {
  void* at = NULL;
  SAME(find_area("a"), B_NAME_NOT_FOUND);
  const area_id empty = make("", &at, PAGE);
  SAME(find_area(""), empty);
  make("area", &at, PAGE);
  SAME(find_area("are"), B_NAME_NOT_FOUND);
  SAME(find_area("areas"), B_NAME_NOT_FOUND);
  SAME(find_area(NULL), B_NAME_NOT_FOUND);
}

static void f1_every_field(void) {
  void* at = NULL;
  const area_id id = create_area("fields", &at, B_ANY_ADDRESS, 3 * PAGE, B_FULL_LOCK, B_READ_AREA);
  area_info info;
  memset(&info, 0xee, sizeof(info));
  SAME(get_area_info(id, &info), B_OK);
  SAME(info.area, id);
  CHECK(strcmp(info.name, "fields") == 0);
  SAME(info.size, 3 * PAGE);
  SAME(info.lock, B_FULL_LOCK);
  SAME(info.protection, B_READ_AREA);
  SAME(info.team, getpid());
  SAME(info.ram_size, 3 * PAGE);
  SAME(info.copy_count, 0);
  SAME(info.in_count, 0);
  SAME(info.out_count, 0);
  CHECK(info.address == at);
  SAME(get_area_info(id, NULL), B_BAD_VALUE);
  static const area_id bad[] = {0, -1, NOWHERE, INT32_MIN};
  for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); ++i) {
    SAME(get_area_info(bad[i], &info), B_BAD_VALUE);
  }
}

static int walk(team_id team, area_id* ids, int most) {
  int32 cookie = 0;
  area_info info;
  int count = 0;
  while (get_next_area_info(team, &cookie, &info) == B_OK) {
    CHECK(count < most);
    ids[count++] = info.area;
  }
  return count;
}

static void role_has_three(void) {
  void* at = NULL;
  for (int i = 0; i < 3; ++i) {
    TELL(make("three", &at, PAGE));
  }
  HEAR();
}

static void f2_own_areas_each_once(void) {
  void* at = NULL;
  area_id made[10], seen[20];
  struct peer peer = start_peer("has_three");
  area_id theirs[3];
  for (int i = 0; i < 3; ++i) {
    theirs[i] = (area_id)hear_from(peer.from);
  }
  for (int i = 0; i < 10; ++i) {
    made[i] = make("walk", &at, PAGE);
  }
  SAME(walk(0, seen, 20), 10);
  CHECK(memcmp(seen, made, sizeof(made)) == 0);
  SAME(walk(getpid(), seen, 20), 10);
  CHECK(memcmp(seen, made, sizeof(made)) == 0);
  SAME(walk(peer.pid, seen, 20), 3);
  CHECK(memcmp(seen, theirs, sizeof(theirs)) == 0);
  tell_to(peer.to, 0);
  end_well(peer);
}

static void f3_changes_while_walking(void) {
  void* at = NULL;
  for (int i = 0; i < 5; ++i) {
    make("walk", &at, PAGE);
  }
  int32 cookie = 0;
  area_info info;
  int count = 0;
  area_id last = 0, made = 0;
  while (get_next_area_info(0, &cookie, &info) == B_OK) {
    SAME(delete_area(info.area), B_OK);
    if (++count == 3) {
      made = make("late", &at, PAGE);
    }
    last = info.area;
  }
  SAME(count, 6);
  SAME(last, made);
}

static void f4_the_end_stays(void) {
  void* at = NULL;
  int32 cookie = 0;
  area_info info;
  SAME(get_next_area_info(0, &cookie, &info), B_BAD_VALUE);
  make("one", &at, PAGE);
  SAME(get_next_area_info(0, &cookie, &info), B_OK);
  memset(&info, 0xee, sizeof(info));
  for (int i = 0; i < 3; ++i) {
    SAME(get_next_area_info(0, &cookie, &info), B_BAD_VALUE);
    SAME(info.area, (int)0xeeeeeeee);
  }
  SAME(get_next_area_info(0, NULL, &info), B_BAD_VALUE);
  SAME(get_next_area_info(0, &cookie, NULL), B_BAD_VALUE);
}

static void f5_dead_team(void) {
  struct peer peer = start_peer("has_three");
  for (int i = 0; i < 3; ++i) {
    hear_from(peer.from);
  }
  area_id seen[4];
  SAME(walk(peer.pid, seen, 4), 3);
  end_by_kill(peer);
  int32 cookie = 0;
  area_info info;
  SAME(get_next_area_info(peer.pid, &cookie, &info), B_BAD_VALUE);
  SAME(get_next_area_info(-5, &cookie, &info), B_BAD_VALUE);
}

static void f6_ram_size(void) {
  void* at = NULL;
  const area_id id = make("ram", &at, 8 * PAGE);
  SAME(info_of(id).ram_size, 0);
  for (int i = 0; i < 3; ++i) {
    ((char*)at)[2 * i * PAGE] = 1;
  }
  SAME(info_of(id).ram_size, 3 * PAGE);
  void* other = NULL;
  const area_id clone = clone_area("clone", &other, B_ANY_ADDRESS, RW, id);
  SAME(info_of(clone).ram_size, 3 * PAGE);
  ((char*)other)[7 * PAGE] = 1;
  SAME(info_of(id).ram_size, 4 * PAGE);
}

/* Every call fails with B_ERROR, and nothing is touched: the harness has broken the registry. */
static void broken_registry(void) {
  void* at = (void*)3;
  area_info info;
  int32 cookie = 0;
  SAME(create_area("a", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, RW), B_ERROR);
  SAME(clone_area("a", &at, B_ANY_ADDRESS, RW, 1), B_ERROR);
  SAME(area_for(&at), B_ERROR);
  SAME(find_area("a"), B_ERROR);
  SAME(get_area_info(1, &info), B_ERROR);
  SAME(get_next_area_info(0, &cookie, &info), B_ERROR);
  SAME(resize_area(1, PAGE), B_ERROR);
  SAME(set_area_protection(1, RW), B_ERROR);
  SAME(delete_area(1), B_ERROR);
  SAME(heaptag_areas_sweep(), B_ERROR);
  CHECK(at == (void*)3);
}

/* Makes an area and goes on, whatever the harness has written into records that are not in use. */
static void works(void) {
  void *at, *other;
  const area_id id = make("works", &at, PAGE);
  const area_id clone = clone_area("clone", &other, B_ANY_ADDRESS, RW, id);
  CHECK(clone > 0);
  strcpy(at, "x");
  CHECK(strcmp(other, "x") == 0);
  SAME(delete_area(clone), B_OK);
  SAME(area_for(at), id);
  find_area("nobody's");
  heaptag_areas_sweep();
  SAME(delete_area(id), B_OK);
}

/* Whatever comes of it, it must come back. */
static void survives(void) {
  void* at = NULL;
  area_info info;
  int32 cookie = 0;
  const area_id id = create_area("a", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, RW);
  for (int i = -2; i < 40; ++i) {
    get_area_info(i, &info);
    clone_area("c", &at, B_ANY_ADDRESS, RW, i);
  }
  find_area("a");
  for (int i = 0; i < 100 && get_next_area_info(0, &cookie, &info) == B_OK; ++i) {
  }
  area_for(at);
  resize_area(id, 2 * PAGE);
  heaptag_areas_sweep();
  delete_area(id);
}

/* Waits with an area until it is told to end: for `heaptag areas`. */
static void holds(void) {
  void *at, *other, *locked;
  const area_id id = make("held by a test", &at, 16 * PAGE);
  memset(at, 1, 3 * PAGE);
  CHECK(clone_area("its clone", &other, B_ANY_ADDRESS, B_READ_AREA, id) > 0);
  CHECK(create_area("bad\n\033name", &locked, B_ANY_ADDRESS, PAGE, B_FULL_LOCK, RW) > 0);
  puts("ready");
  fflush(stdout);
  while (getchar() != EOF) {
  }
}

static void* makes_areas(void* failed) {
  for (int i = 0; i < 300; ++i) {
    void *at = NULL, *other = NULL;
    char name[32];
    snprintf(name, sizeof(name), "t%lx-%d", (unsigned long)pthread_self(), i);
    const area_id id = create_area(name, &at, B_ANY_ADDRESS, 2 * PAGE, B_NO_LOCK, RW);
    const area_id clone = clone_area("c", &other, B_ANY_ADDRESS, RW, id);
    *(long*)at = i;
    const int fine = id > 0 && clone > 0 && area_for(at) == id && area_for(other) == clone &&
                     find_area(name) == id && *(long*)other == i &&
                     resize_area(clone, 4 * PAGE) == B_OK && delete_area(id) == B_OK &&
                     delete_area(clone) == B_OK;
    __atomic_fetch_add((int*)failed, !fine, __ATOMIC_RELAXED);
  }
  return NULL;
}

static void threads(void) {
  pthread_t thread[8];
  int failed = 0;
  for (int i = 0; i < 8; ++i) {
    CHECK(pthread_create(&thread[i], NULL, makes_areas, &failed) == 0);
  }
  for (int i = 0; i < 8; ++i) {
    pthread_join(thread[i], NULL);
  }
  SAME(failed, 0);
}

/* Calls from a signal handler, which interrupts calls of the same thread. */
static volatile int calls, bad_calls;

static void on_alarm(int number) {
  void* at = NULL;
  const area_id id = create_area("s", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, RW);
  (void)number;
  ++calls;
  bad_calls += !(id > 0 && area_for(at) == id && delete_area(id) == B_OK);
}

static void signal_handlers(void) {
  signal(SIGALRM, on_alarm);
  ualarm(500, 500);
  for (int i = 0; i < 20000; ++i) {
    void* at = NULL;
    const area_id id = make("m", &at, PAGE);
    SAME(delete_area(id), B_OK);
  }
  ualarm(0, 0);
  CHECK(calls > 10);
  SAME(bad_calls, 0);
}

const struct named cases[] = {
    {"l1_area_for", l1_area_for},
    {"l2_addresses_are_local", l2_addresses_are_local},
    {"l3_team_of_a_named_area", l3_team_of_a_named_area},
    {"find_is_to_the_byte", find_is_to_the_byte},
    {"f1_every_field", f1_every_field},
    {"f2_own_areas_each_once", f2_own_areas_each_once},
    {"f3_changes_while_walking", f3_changes_while_walking},
    {"f4_the_end_stays", f4_the_end_stays},
    {"f5_dead_team", f5_dead_team},
    {"f6_ram_size", f6_ram_size},
    {"threads", threads},
    {"signal_handlers", signal_handlers},
    {"works", works},
    {"survives", survives},
    {"-broken_registry", broken_registry},
    {"-holds", holds},
    {NULL, NULL},
};

const struct named roles[] = {
    {"has_an_area", role_has_an_area},
    {"has_three", role_has_three},
    {NULL, NULL},
};
