/* Areas across fork: Y1 to Y3 of the conformance cases. HEAPTAG_AREAS_FORK says which rule holds.
 */
#include "check.h"

#include <pthread.h>

static const char* rule(void) {
  const char* value = getenv("HEAPTAG_AREAS_FORK");
  return value == NULL ? "shared" : value;
}

static int is_rule(const char* name) {
  return strcmp(rule(), name) == 0;
}

static void y1_ids_of_its_own(void) {
  void *at[2], *gone;
  area_id ids[2];
  ids[0] = make("one", &at[0], 4 * PAGE);
  ids[1] = create_area("two", &at[1], B_ANY_ADDRESS, PAGE, B_LAZY_LOCK, B_READ_AREA);
  const area_id deleted = make("deleted", &gone, PAGE);
  SAME(delete_area(deleted), B_OK);
  int ready[2];
  CHECK(pipe(ready) == 0);
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 2; ++i) {
      const area_id id = area_for(at[i]);
      CHECK(id > 0 && id != ids[0] && id != ids[1]);
      const area_info info = info_of(id);
      const area_info parents = info_of(ids[i]);
      SAME(info.team, getpid());
      SAME(parents.team, getppid());
      CHECK(strcmp(info.name, parents.name) == 0 && info.address == at[i]);
      SAME(info.size, parents.size);
      SAME(info.lock, parents.lock);
      SAME(info.protection, parents.protection);
    }
    int32 cookie = 0;
    area_info info;
    int count = 0;
    while (get_next_area_info(0, &cookie, &info) == B_OK) {
      ++count;
    }
    SAME(count, 2);
    const area_id id = area_for(at[0]);
    SAME(resize_area(id, 8 * PAGE), B_OK);
    WRITES((char*)at[0] + 8 * PAGE - 1);
    SAME(delete_area(id), B_OK);
    READ_FAULTS(at[0]);
    _exit(0);
  }
  wait_for_child(child);
  SAME(area_for(at[0]), ids[0]);
  SAME(info_of(ids[0]).size, is_rule("shared") ? 8 * PAGE : 4 * PAGE);
  SAME(heaptag_areas_sweep(), 1); /* the child's second, which died with it */
}

/* The shape of Haiku's cow_bug113: what the child writes, does the parent see it? */
static void y2_whose_memory(void) {
  void *alone, *shared, *clone;
  make("alone", &alone, 4 * PAGE);
  const area_id id = make("shared", &shared, 4 * PAGE);
  CHECK(clone_area("clone", &clone, B_ANY_ADDRESS, RW, id) > 0);
  strcpy(alone, "parent's");
  strcpy(shared, "parent's");
  ((char*)alone)[3 * PAGE] = 3;
  const pid_t child = fork();
  if (child == 0) {
    CHECK(strcmp(alone, "parent's") == 0 && strcmp(shared, "parent's") == 0);
    CHECK(strcmp(clone, "parent's") == 0);
    SAME(((char*)alone)[3 * PAGE], 3);
    READ_FAULTS((char*)alone + 4 * PAGE);
    strcpy(alone, "child's");
    strcpy(shared, "child's");
    SAME(info_of(area_for(alone)).ram_size, 2 * PAGE);
    SAME(resize_area(area_for(alone), 8 * PAGE), B_OK);
    WRITES((char*)alone + 7 * PAGE);
    exit(0);
  }
  wait_for_child(child);
  CHECK(strcmp(alone, is_rule("shared") ? "child's" : "parent's") == 0);
  CHECK(strcmp(shared, is_rule("be") ? "parent's" : "child's") == 0);
  CHECK(strcmp(clone, is_rule("be") ? "parent's" : "child's") == 0);
}

/* Pages that nobody may read are copied all the same. */
static void y2_protected(void) {
  void* at = NULL;
  const area_id id = make("p", &at, PAGE);
  strcpy(at, "hidden");
  SAME(set_area_protection(id, 0), B_OK);
  const pid_t child = fork();
  if (child == 0) {
    READ_FAULTS(at);
    SAME(set_area_protection(area_for(at), RW), B_OK);
    CHECK(strcmp(at, "hidden") == 0);
    exit(0);
  }
  wait_for_child(child);
  READ_FAULTS(at);
}

static volatile int stop;

static void* keeps_the_lock_busy(void* unused) {
  while (!stop) {
    void* at = NULL;
    const area_id id = create_area("b", &at, B_ANY_ADDRESS, 64 * PAGE, B_FULL_LOCK, RW);
    if (id > 0) {
      delete_area(id);
    }
  }
  return unused;
}

static void y3_fork_while_others_call(void) {
  pthread_t thread[3];
  void* at = NULL;
  const area_id id = make("mine", &at, PAGE);
  for (int i = 0; i < 3; ++i) {
    CHECK(pthread_create(&thread[i], NULL, keeps_the_lock_busy, NULL) == 0);
  }
  alarm(60);
  for (int i = 0; i < 200; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      void* other = NULL;
      const area_id ours = area_for(at);
      CHECK(ours > 0 && ours != id);
      CHECK(clone_area("c", &other, B_ANY_ADDRESS, RW, ours) > 0);
      _exit(0);
    }
    wait_for_child(child);
  }
  stop = 1;
  for (int i = 0; i < 3; ++i) {
    pthread_join(thread[i], NULL);
  }
}

/* A parent that deletes at once what the child is about to register. */
static void parent_deletes_at_once(void) {
  for (int i = 0; i < 100; ++i) {
    void* at = NULL;
    const area_id id = make("short", &at, PAGE);
    strcpy(at, "data");
    const pid_t child = fork();
    if (child == 0) {
      CHECK(area_for(at) > 0);
      CHECK(strcmp(at, "data") == 0);
      _exit(0);
    }
    SAME(delete_area(id), B_OK);
    wait_for_child(child);
  }
}

static void generations(void) {
  void* at = NULL;
  make("g", &at, PAGE);
  int depth = 0;
  pid_t child;
  while (depth < 5 && (child = fork()) == 0) {
    CHECK(area_for(at) > 0);
    SAME(info_of(area_for(at)).team, getpid());
    ++depth;
  }
  if (depth < 5) {
    wait_for_child(child);
  }
  CHECK(area_for(at) > 0);
  exit(0);
}

/* The mask of signals is in both processes what it was. */
static void mask_is_kept(void) {
  sigset_t mask, now;
  void* at = NULL;
  make("m", &at, PAGE);
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR1);
  CHECK(sigprocmask(SIG_SETMASK, &mask, NULL) == 0);
  const pid_t child = fork();
  sigprocmask(SIG_SETMASK, NULL, &now);
  CHECK(sigismember(&now, SIGUSR1) == 1 && sigismember(&now, SIGUSR2) == 0);
  CHECK(sigismember(&now, SIGALRM) == 0);
  if (child == 0) {
    _exit(0);
  }
  wait_for_child(child);
}

/* A child by vfork is not told of, and changes nothing. */
static void vfork_and_spawn(void) {
  void* at = NULL;
  const area_id id = make("v", &at, PAGE);
  SAME(system("exit 3"), 3 << 8);
  const pid_t child = vfork();
  if (child == 0) {
    _exit(0);
  }
  wait_for_child(child);
  SAME(area_for(at), id);
  SAME(info_of(id).team, getpid());
}

const struct named cases[] = {
    {"y1_ids_of_its_own", y1_ids_of_its_own},
    {"y2_whose_memory", y2_whose_memory},
    {"y2_protected", y2_protected},
    {"y3_fork_while_others_call", y3_fork_while_others_call},
    {"parent_deletes_at_once", parent_deletes_at_once},
    {"generations", generations},
    {"mask_is_kept", mask_is_kept},
    {"vfork_and_spawn", vfork_and_spawn},
    {NULL, NULL},
};

const struct named roles[] = {{NULL, NULL}};
