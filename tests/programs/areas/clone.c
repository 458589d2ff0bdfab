/* clone_area and delete_area: K1 to K11 of the conformance cases. */
#include "check.h"

static void k1_three_areas_one_memory(void) {
  void* at[3];
  area_id ids[3];
  ids[0] = make("source", &at[0], 4 * PAGE);
  ids[1] = clone_area("one", &at[1], B_ANY_ADDRESS, RW, ids[0]);
  ids[2] = clone_area("two", &at[2], B_ANY_ADDRESS, RW, ids[1]);
  CHECK(ids[1] > 0 && ids[2] > 0);
  CHECK(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
  CHECK(at[0] != at[1] && at[1] != at[2] && at[0] != at[2]);
  for (int writer = 0; writer < 3; ++writer) {
    ((char*)at[writer])[3 * PAGE + 7] = (char)('a' + writer);
    for (int reader = 0; reader < 3; ++reader) {
      SAME(((char*)at[reader])[3 * PAGE + 7], 'a' + writer);
    }
  }
}

/* Roles clone what is called "shared" and tell the address; then they wait for the end. */
static void role_clones_at_same_address(void) {
  const area_id source = find_area("shared");
  void* at = NULL;
  const area_id id = clone_area("clone", &at, B_CLONE_ADDRESS, RW, source);
  CHECK(id > 0);
  CHECK(at == info_of(source).address);
  char*** const list = at; /* pointers in it mean the same here */
  CHECK(strcmp((char*)list[0], "by pointer") == 0);
  strcpy((char*)list[1], "answer");
  TELL(id);
  HEAR();
}

static void k2_clone_address(void) {
  void* at = free_range(4 * PAGE);
  const area_id id = create_area("shared", &at, B_EXACT_ADDRESS, 4 * PAGE, B_NO_LOCK, RW);
  void* mine = NULL;
  SAME(clone_area("here", &mine, B_CLONE_ADDRESS, RW, id), B_BAD_VALUE);
  char** const list = at;
  list[0] = (char*)at + 100;
  list[1] = (char*)at + 2 * PAGE;
  strcpy(list[0], "by pointer");
  struct peer peer = start_peer("clones_at_same_address");
  const area_id clone = (area_id)hear_from(peer.from);
  CHECK(strcmp(list[1], "answer") == 0);
  SAME(info_of(clone).team, peer.pid);
  CHECK(info_of(clone).address == at);
  tell_to(peer.to, 0);
  end_well(peer);
}

static void k3_clone_of_a_clone(void) {
  void *first, *middle, *last, *next;
  const area_id source = make("s", &first, PAGE);
  const area_id between = clone_area("m", &middle, B_ANY_ADDRESS, RW, source);
  const area_id end = clone_area("e", &last, B_ANY_ADDRESS, RW, between);
  strcpy(first, "data");
  SAME(delete_area(between), B_OK);
  CHECK(strcmp(last, "data") == 0);
  SAME(clone_area("x", &next, B_ANY_ADDRESS, RW, between), B_BAD_VALUE);
  CHECK(clone_area("n", &next, B_ANY_ADDRESS, RW, end) > 0);
  CHECK(strcmp(next, "data") == 0);
}

static void k4_rights_of_its_own(void) {
  void *at, *writable, *nothing;
  const area_id id = create_area("r", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, B_READ_AREA);
  const area_id clone = clone_area("w", &writable, B_ANY_ADDRESS, RW, id);
  CHECK(clone > 0);
  strcpy(writable, "new");
  CHECK(strcmp(at, "new") == 0);
  WRITE_FAULTS(at);
  SAME(info_of(id).protection, B_READ_AREA);
  SAME(info_of(clone).protection, RW);
  CHECK(clone_area("n", &nothing, B_ANY_ADDRESS, 0, clone) > 0);
  READ_FAULTS(nothing);
}

static size_t shared_bytes(void) {
  return status_bytes("RssShmem");
}

static void k5_memory_lives_with_the_last(void) {
  void *at, *other;
  heaptag_areas_sweep(); /* the registry itself is shared memory, too */
  const size_t before = shared_bytes();
  const area_id id = make("s", &at, 256 * PAGE);
  memset(at, 7, 256 * PAGE);
  const area_id clone = clone_area("c", &other, B_ANY_ADDRESS, RW, id);
  SAME(delete_area(id), B_OK);
  READ_FAULTS(at);
  for (size_t i = 0; i < 256 * PAGE; ++i) {
    SAME(((char*)other)[i], 7);
  }
  SAME(info_of(clone).ram_size, 256 * PAGE);
  CHECK(shared_bytes() >= before + 256 * PAGE);
  SAME(delete_area(clone), B_OK);
  CHECK(shared_bytes() <= before + 8 * PAGE); /* records, not the memory */
  SAME(delete_area(clone), B_ERROR);
  SAME(delete_area(id), B_ERROR);
}

static void k6_what_is_inherited(void) {
  void *at, *other;
  const area_id id = create_area("name", &at, B_ANY_ADDRESS, 8 * PAGE, B_LAZY_LOCK, RW);
  const area_id clone = clone_area("another", &other, B_ANY_ADDRESS, B_READ_AREA, id);
  const area_info info = info_of(clone);
  SAME(info.lock, B_LAZY_LOCK);
  SAME(info.size, 8 * PAGE);
  CHECK(strcmp(info.name, "another") == 0);
  SAME(info.protection, B_READ_AREA);
  SAME(info.team, getpid());
}

static void bad_arguments(void) {
  void *at, *other = NULL;
  const area_id id = make("s", &at, 4 * PAGE);
  static const uint32 specs[] = {B_ANY_KERNEL_ADDRESS, 5, 6, 7, 8, (uint32)-1};
  for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); ++i) {
    SAME(clone_area("c", &other, specs[i], RW, id), B_BAD_VALUE);
  }
  static const area_id sources[] = {0, -1, NOWHERE, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); ++i) {
    SAME(clone_area("c", &other, B_ANY_ADDRESS, RW, sources[i]), B_BAD_VALUE);
    SAME(delete_area(sources[i]), B_ERROR);
  }
  SAME(clone_area("c", &other, B_ANY_ADDRESS, 4, id), B_BAD_VALUE);
  SAME(clone_area(NULL, &other, B_ANY_ADDRESS, RW, id), B_BAD_VALUE);
  SAME(clone_area("c", NULL, B_ANY_ADDRESS, RW, id), B_BAD_VALUE);
  other = (char*)at + 1;
  SAME(clone_area("c", &other, B_EXACT_ADDRESS, RW, id), B_BAD_VALUE);
  SAME(clone_area("c", &other, B_BASE_ADDRESS, RW, id), B_BAD_VALUE);
  other = at;
  SAME(clone_area("c", &other, B_EXACT_ADDRESS, RW, id), B_BAD_VALUE);
  char* there = free_range(64 * PAGE);
  other = there;
  CHECK(clone_area("c", &other, B_EXACT_ADDRESS, RW, id) > 0);
  CHECK(other == there);
  other = there;
  CHECK(clone_area("c", &other, B_BASE_ADDRESS, RW, id) > 0);
  CHECK((char*)other >= there + 4 * PAGE);
  other = (void*)3;
  CHECK(clone_area("c", &other, B_ANY_ADDRESS, RW, id) > 0);
}

/* The server and the client of the Be Book: one fills an area, the other finds it by its name. */
static void role_server(void) {
  void* at = NULL;
  make("server area", &at, 10 * PAGE);
  strcpy(at, "from the server");
  TELL(0);
  HEAR();
  CHECK(strcmp((char*)at + 100, "from the client") == 0);
}

static void k7_server_and_client(void) {
  struct peer server = start_peer("server");
  hear_from(server.from);
  const area_id source = find_area("server area");
  CHECK(source > 0);
  SAME(info_of(source).team, server.pid);
  void* at = NULL;
  const area_id clone = clone_area("client area", &at, B_ANY_ADDRESS, RW, source);
  CHECK(clone > 0);
  CHECK(strcmp(at, "from the server") == 0);
  strcpy((char*)at + 100, "from the client");
  tell_to(server.to, 0);
  end_well(server);
  SAME(find_area("server area"), B_NAME_NOT_FOUND);
  CHECK(strcmp(at, "from the server") == 0);
}

static void role_owner(void) {
  void* at = NULL;
  const area_id id = make("owned", &at, 4 * PAGE);
  strcpy(at, "outlives");
  TELL(id);
  HEAR();
  execl("/bin/sleep", "sleep", "100", (char*)NULL);
}

static void role_third(void) {
  void* at = NULL;
  const area_id clone = clone_area("third", &at, B_ANY_ADDRESS, RW, find_area("second"));
  CHECK(clone > 0);
  CHECK(strcmp(at, "outlives") == 0);
  strcpy(at, "changed");
}

static void goes_on_without(struct peer owner, area_id id) {
  void* at = NULL;
  const area_id clone = clone_area("second", &at, B_ANY_ADDRESS, RW, id);
  CHECK(clone > 0);
  (void)owner;
  void* other = NULL;
  CHECK(clone_area("other", &other, B_ANY_ADDRESS, RW, id) > 0);
}

static void has_ended(area_id id) {
  area_info info;
  SAME(get_area_info(id, &info), B_BAD_VALUE);
  SAME(find_area("owned"), B_NAME_NOT_FOUND);
  void* at = NULL;
  SAME(clone_area("x", &at, B_ANY_ADDRESS, RW, id), B_BAD_VALUE);
  struct peer third = start_peer("third");
  end_well(third);
  const area_id second = find_area("second");
  CHECK(strcmp(info_of(second).address, "changed") == 0);
}

static void k8_owner_is_killed(void) {
  struct peer owner = start_peer("owner");
  const area_id id = (area_id)hear_from(owner.from);
  goes_on_without(owner, id);
  end_by_kill(owner);
  has_ended(id);
}

static void k9_owner_executes(void) {
  struct peer owner = start_peer("owner");
  const area_id id = (area_id)hear_from(owner.from);
  goes_on_without(owner, id);
  tell_to(owner.to, 0);
  char byte;
  SAME(read(owner.from, &byte, 0), 0);
  area_info info;
  for (int i = 0; i < 1000 && get_area_info(id, &info) == B_OK; ++i) {
    usleep(10000); /* until it has become sleep */
  }
  SAME(kill(owner.pid, 0), 0);
  has_ended(id);
  end_by_kill(owner);
}

/* A server that closes all descriptors still has its area; who has a clone keeps it cloneable. */
static void role_closes_all(void) {
  void* at = NULL;
  const area_id id = make("closed", &at, 4 * PAGE);
  strcpy(at, "there");
  TELL(id);
  HEAR();
  for (int fd = 3; fd < 1024; ++fd) {
    close(fd);
  }
  TELL(0);
  HEAR();
  CHECK(strcmp(at, "there") == 0);
  SAME(area_for(at), id);
  SAME(delete_area(id), B_OK);
  READ_FAULTS(at);
}

static void owner_closes_its_descriptors(void) {
  struct peer owner = start_peer("closes_all");
  const area_id id = (area_id)hear_from(owner.from);
  void *at, *again;
  CHECK(clone_area("c", &at, B_ANY_ADDRESS, RW, id) > 0);
  tell_to(owner.to, 0);
  hear_from(owner.from);
  SAME(find_area("closed"), id);
  CHECK(clone_area("d", &again, B_ANY_ADDRESS, RW, id) > 0);
  CHECK(strcmp(again, "there") == 0);
  tell_to(owner.to, 0);
  end_well(owner);
}

/* Another user sees nothing of it: the registry is per user. */
static void role_is_another_user(void) {
  CHECK(setgid(65534) == 0 && setuid(65534) == 0);
  void* at = NULL;
  SAME(find_area("private"), B_NAME_NOT_FOUND);
  const area_id id = (area_id)HEAR();
  const area_id result = clone_area("x", &at, B_ANY_ADDRESS, RW, id);
  CHECK(result == B_BAD_VALUE || result == B_NOT_ALLOWED);
  TELL(0);
}

static void k11_another_user(void) {
  if (getuid() != 0) {
    SKIP("only root can become another user");
  }
  void* at = NULL;
  const area_id id = make("private", &at, PAGE);
  struct peer other = start_peer("is_another_user");
  tell_to(other.to, id);
  hear_from(other.from);
  end_well(other);
}

/* An owner that may not be looked at: its area is there, and cannot be cloned. */
static void role_is_not_to_be_looked_at(void) {
  void* at = NULL;
  CHECK(drop_privileges());
  CHECK(prctl(PR_SET_DUMPABLE, 0) == 0);
  TELL(make("closed to us", &at, PAGE));
  HEAR();
}

static void owner_is_not_dumpable(void) {
  if (!drop_privileges()) {
    SKIP("capabilities cannot be dropped");
  }
  struct peer owner = start_peer("is_not_to_be_looked_at");
  const area_id id = (area_id)hear_from(owner.from);
  void* at = NULL;
  SAME(find_area("closed to us"), id);
  SAME(clone_area("c", &at, B_ANY_ADDRESS, RW, id), B_NOT_ALLOWED);
  tell_to(owner.to, 0);
  end_well(owner);
}

/* What a program leaves when it becomes another one is not that one's. */
static void role_becomes_another(void) {
  void *at, *kernel;
  make("before exec", &at, 4 * PAGE);
  CHECK(create_area("system's", &kernel, B_ANY_KERNEL_ADDRESS, PAGE, B_NO_LOCK, RW) > 0);
  TELL(at);
  TELL(kernel);
  execl("/proc/self/exe", "peer", "role", "is_another", (char*)NULL);
}

static void role_is_another(void) {
  int32 cookie = 0;
  area_info info;
  SAME(get_next_area_info(0, &cookie, &info), B_BAD_VALUE);
  SAME(find_area("before exec"), B_NAME_NOT_FOUND);
  SAME(area_for((void*)HEAR()), B_ERROR);
  SAME(area_for((void*)HEAR()), B_ERROR);
  SAME(delete_area(find_area("system's")), B_OK);
}

static void executed_program_has_none(void) {
  struct peer peer = start_peer("becomes_another");
  const long at = hear_from(peer.from);
  const long kernel = hear_from(peer.from);
  tell_to(peer.to, at);
  tell_to(peer.to, kernel);
  end_well(peer);
}

/* "Currently, anybody can delete any area." */
static void role_loses_its_area(void) {
  void *at, *kept;
  const area_id id = make("lost", &at, 4 * PAGE);
  make("kept", &kept, PAGE);
  memset(at, 1, 4 * PAGE);
  TELL(id);
  HEAR();
  SAME(area_for(at), B_ERROR);
  SAME(mincore(at, PAGE, (unsigned char*)kept), -1); /* unmapped */
  CHECK(find_area("kept") > 0);
}

static void foreign_delete(void) {
  struct peer owner = start_peer("loses_its_area");
  const area_id id = (area_id)hear_from(owner.from);
  SAME(delete_area(id), B_OK);
  area_info info;
  SAME(get_area_info(id, &info), B_BAD_VALUE);
  SAME(delete_area(id), B_ERROR);
  SAME(find_area("lost"), B_NAME_NOT_FOUND);
  tell_to(owner.to, 0);
  end_well(owner);
}

/* "This freedom will be rescinded in a later release": by an option that this case sets for itself
   and the peer. */
static void foreign_delete_refused(void) {
  if (getenv("HEAPTAG_AREAS_FOREIGN_DELETE") == NULL) {
    setenv("HEAPTAG_AREAS_FOREIGN_DELETE", "0", 1);
    execl("/proc/self/exe", "clone", "foreign_delete_refused", (char*)NULL);
  }
  struct peer server = start_peer("server");
  hear_from(server.from);
  const area_id source = find_area("server area");
  SAME(delete_area(source), B_BAD_VALUE);
  void* at = NULL;
  CHECK(clone_area("client area", &at, B_ANY_ADDRESS, RW, source) > 0);
  strcpy((char*)at + 100, "from the client");
  tell_to(server.to, 0);
  end_well(server);
}

const struct named cases[] = {
    {"k1_three_areas_one_memory", k1_three_areas_one_memory},
    {"k2_clone_address", k2_clone_address},
    {"k3_clone_of_a_clone", k3_clone_of_a_clone},
    {"k4_rights_of_its_own", k4_rights_of_its_own},
    {"k5_memory_lives_with_the_last", k5_memory_lives_with_the_last},
    {"k6_what_is_inherited", k6_what_is_inherited},
    {"bad_arguments", bad_arguments},
    {"k7_server_and_client", k7_server_and_client},
    {"k8_owner_is_killed", k8_owner_is_killed},
    {"k9_owner_executes", k9_owner_executes},
    {"owner_closes_its_descriptors", owner_closes_its_descriptors},
    {"k11_another_user", k11_another_user},
    {"owner_is_not_dumpable", owner_is_not_dumpable},
    {"executed_program_has_none", executed_program_has_none},
    {"foreign_delete", foreign_delete},
    {"foreign_delete_refused", foreign_delete_refused},
    {NULL, NULL},
};

const struct named roles[] = {
    {"clones_at_same_address", role_clones_at_same_address},
    {"server", role_server},
    {"owner", role_owner},
    {"third", role_third},
    {"closes_all", role_closes_all},
    {"is_another_user", role_is_another_user},
    {"is_not_to_be_looked_at", role_is_not_to_be_looked_at},
    {"becomes_another", role_becomes_another},
    {"is_another", role_is_another},
    {"loses_its_area", role_loses_its_area},
    {NULL, NULL},
};
