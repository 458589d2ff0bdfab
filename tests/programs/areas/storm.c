/* K10: a hundred processes that create, clone, resize, delete and die. Every third is killed. */
#include "check.h"

#define PROCESSES 100
#define ROUNDS 60

static void role_member(void) {
  area_id kept[4] = {0};
  for (int round = 0; round < ROUNDS; ++round) {
    void *at = NULL, *other = NULL;
    char name[32];
    snprintf(name, sizeof(name), "member %d", (int)getpid());
    const area_id id = make(name, &at, 2 * PAGE);
    *(int*)at = round;
    const area_id clone = clone_area("clone", &other, B_ANY_ADDRESS, RW, id);
    CHECK(clone > 0);
    SAME(*(int*)other, round);
    SAME(resize_area(clone, 4 * PAGE), B_OK);
    WRITES((char*)at + 3 * PAGE);
    const area_id theirs = find_area("common");
    CHECK(theirs > 0);
    void* common = NULL;
    const area_id mine = clone_area("of all", &common, B_ANY_ADDRESS, RW, theirs);
    CHECK(mine > 0);
    __atomic_fetch_add((long*)common, 1, __ATOMIC_RELAXED);
    SAME(delete_area(id), B_OK);
    kept[round % 4] = clone; /* up to four stay until the end */
    if (round >= 4) {
      int32 cookie = 0;
      area_info info;
      SAME(get_next_area_info(0, &cookie, &info), B_OK);
      SAME(delete_area(info.area), B_OK);
    }
    SAME(delete_area(mine), B_OK);
  }
  (void)kept;
  if (getpid() % 3 == 0) {
    kill(getpid(), SIGKILL);
  }
}

static void k10_storm(void) {
  void* at = NULL;
  const area_id common = make("common", &at, PAGE);
  struct peer peers[PROCESSES];
  for (int i = 0; i < PROCESSES; ++i) {
    peers[i] = start_peer("member");
  }
  for (int i = 0; i < PROCESSES; ++i) {
    const int status = wait_for(peers[i]);
    if (peers[i].pid % 3 == 0) {
      CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    } else {
      SAME(status, 0);
    }
  }
  SAME(*(long*)at, PROCESSES * ROUNDS);
  const int32 swept = heaptag_areas_sweep();
  CHECK(swept > 0);
  SAME(heaptag_areas_sweep(), 0);
  SAME(delete_area(common), B_OK);
}

/* Processes that are killed at any instruction of theirs, many times over. */
static void role_restless(void) {
  TELL(0);
  for (;;) {
    void *at = NULL, *other = NULL;
    const area_id id = make("restless", &at, PAGE);
    clone_area("clone", &other, B_ANY_ADDRESS, RW, find_area("steady"));
    resize_area(id, 8 * PAGE);
    delete_area(id);
    delete_area(area_for(other));
  }
}

static void killed_anywhere(void) {
  void* at = NULL;
  const area_id steady = make("steady", &at, PAGE);
  strcpy(at, "steady");
  for (int i = 0; i < 60; ++i) {
    struct peer peers[4];
    for (int p = 0; p < 4; ++p) {
      peers[p] = start_peer("restless");
      hear_from(peers[p].from);
    }
    usleep((useconds_t)(i * 97 % 3000));
    for (int p = 0; p < 4; ++p) {
      end_by_kill(peers[p]);
    }
    SAME(find_area("steady"), steady);
    SAME(resize_area(steady, (size_t)(1 + i % 2) * PAGE), B_OK);
    CHECK(strcmp(at, "steady") == 0);
  }
}

const struct named cases[] = {
    {"k10_storm", k10_storm},
    {"killed_anywhere", killed_anywhere},
    {NULL, NULL},
};

const struct named roles[] = {
    {"member", role_member},
    {"restless", role_restless},
    {NULL, NULL},
};
