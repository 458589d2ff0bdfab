/* X1: a process is killed inside a critical section (core/areas/faults.def; runs with the build of
 * the library that has them). Whoever calls next finds everything in order.
 * The case is named "-at"; AREAS_KILL_AT says where, for the victim alone. */
#include "check.h"

static void role_dies_with_an_area(void) {
  void* at = NULL;
  make("left behind", &at, PAGE);
  TELL(0);
  HEAR();
}

/* Comes by every one of the places. */
static void role_victim(void) {
  void *at, *kernel, *clone, *kept;
  HEAR(); /* somebody else has died meanwhile */
  heaptag_areas_sweep();
  const area_id id = make("victim's", &at, 4 * PAGE);
  const area_id of_system =
      create_area("system's", &kernel, B_ANY_KERNEL_ADDRESS, PAGE, B_NO_LOCK, RW);
  CHECK(of_system > 0);
  make("kept", &kept, PAGE);
  const area_id held = clone_area("victim's clone", &clone, B_ANY_ADDRESS, RW, find_area("held"));
  CHECK(held > 0);
  SAME(resize_area(held, 16 * PAGE), B_OK);
  SAME(set_area_protection(id, B_READ_AREA), B_OK);
  const pid_t child = fork();
  if (child == 0) {
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) {
    kill(getpid(), SIGKILL); /* it was the child's place */
  }
  SAME(delete_area(find_area("doomed")), B_OK);
  SAME(delete_area(of_system), B_OK);
  SAME(delete_area(id), B_OK);
  TELL(0);
}

static void invariants(area_id held, void* at) {
  CHECK(strcmp(at, "held") == 0);
  SAME(find_area("held"), held);
  const area_info info = info_of(held);
  /* What the registry says is what is there. */
  WRITES((char*)at + info.size - 1);
  READ_FAULTS((char*)at + info.size);
  SAME(resize_area(held, 32 * PAGE), B_OK);
  SAME(resize_area(held, 4 * PAGE), B_OK);
  void *other, *clone;
  const area_id id = make("after", &other, PAGE);
  CHECK(id > held);
  const area_id copy = clone_area("copy", &clone, B_ANY_ADDRESS, RW, id);
  CHECK(copy > id);
  SAME(delete_area(id), B_OK);
  SAME(delete_area(copy), B_OK);
}

static void at_each_place(void) {
  void *at, *doomed;
  const char* place = getenv("AREAS_KILL_AT_OF_VICTIM");
  CHECK(place != NULL);
  const area_id held = make("held", &at, 4 * PAGE);
  strcpy(at, "held");
  make("doomed", &doomed, PAGE);
  struct peer dead = start_peer("dies_with_an_area");
  hear_from(dead.from);
  setenv("AREAS_KILL_AT", place, 1);
  struct peer victim = start_peer("victim");
  unsetenv("AREAS_KILL_AT");
  end_by_kill(dead);
  tell_to(victim.to, dead.pid);
  const int status = wait_for(victim);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  invariants(held, at);
  area_info info;
  int32 cookie = 0;
  SAME(get_next_area_info(victim.pid, &cookie, &info), B_BAD_VALUE);
  heaptag_areas_sweep();
  SAME(find_area("victim's"), B_NAME_NOT_FOUND);
  SAME(find_area("victim's clone"), B_NAME_NOT_FOUND);
  SAME(find_area("left behind"), B_NAME_NOT_FOUND);
  const area_id system = find_area("system's");
  if (system > 0) { /* it was there to stay */
    SAME(info_of(system).team, B_SYSTEM_TEAM);
    SAME(delete_area(system), B_OK);
  }
  invariants(held, at);
}

/* The same without a place: the victim goes all the way. */
static void at_no_place(void) {
  void *at, *doomed;
  make("held", &at, 4 * PAGE);
  make("doomed", &doomed, PAGE);
  struct peer victim = start_peer("victim");
  tell_to(victim.to, 0);
  hear_from(victim.from);
  end_well(victim);
}

const struct named cases[] = {
    {"-at_each_place", at_each_place},
    {"-at_no_place", at_no_place},
    {NULL, NULL},
};

const struct named roles[] = {
    {"dies_with_an_area", role_dies_with_an_area},
    {"victim", role_victim},
    {NULL, NULL},
};
