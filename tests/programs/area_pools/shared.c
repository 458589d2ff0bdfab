/* One pool, several processes: M13, M14, forks. Some cases run this program again: argv[0] must be
 * a path, and what argv[1] names in `helpers` is no case. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <time.h>

#include "pools.h"

extern char** environ;
static const char* program;

struct node {
  size_t next; /* an offset; 0: the last */
  int value;
};

static void spawn_and_wait(const char* helper, long a, long b) {
  char first[32], second[32];
  snprintf(first, sizeof first, "%ld", a);
  snprintf(second, sizeof second, "%ld", b);
  char* argv[] = {(char*)program, (char*)helper, first, second, NULL};
  pid_t child;
  CHECK(posix_spawn(&child, program, NULL, NULL, argv, environ) == 0);
  expect_success(child);
}

/* M13, the other side: elsewhere in its address space, frees the first block, walks the list, puts
 * one node in front. Its own end takes its clone away, and nothing else. */
static void visit(long area, long first) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = area_malloc_attach((area_id)area);
  CHECK(pool != NULL && area_malloc_pool_area(pool) != area);
  area_info theirs, ours;
  CHECK(get_area_info((area_id)area, &theirs) == B_OK);
  CHECK(get_area_info(area_malloc_pool_area(pool), &ours) == B_OK);
  CHECK(theirs.address != ours.address && ours.team == getpid() && theirs.team == getppid());
  CHECK(strcmp(theirs.name, ours.name) == 0);
  int sum = 0;
  size_t second = 0;
  for (size_t at = (size_t)first; at != 0;) {
    const struct node* node = area_malloc_pointer(pool, at);
    CHECK(node != NULL && area_for((void*)node) == ours.area);
    sum += node->value;
    second = second == 0 ? node->next : second;
    at = node->next;
  }
  CHECK(sum == 1 + 2 + 3);
  areas->free(pool, area_malloc_pointer(pool, (size_t)first));
  struct node* front = areas->malloc(pool, sizeof *front);
  *front = (struct node){second, 10};
  CHECK(area_malloc_offset(pool, front) == (size_t)first);
  /* One that stays when its process has gone. */
  memset(areas->malloc(pool, 1000), 7, 1000);
}

static void another_process_at_another_address(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, POOL_BYTES);
  /* The same program has the same addresses free: take some. */
  void* elsewhere;
  create_area("in the way", &elsewhere, B_ANY_ADDRESS, POOL_BYTES, B_NO_LOCK, READ_WRITE);
  size_t first = 0;
  for (int i = 3; i > 0; --i) {
    struct node* node = areas->malloc(pool, sizeof *node);
    *node = (struct node){first, i};
    first = area_malloc_offset(pool, node);
  }
  spawn_and_wait("visit", area_malloc_pool_area(pool), (long)first);
  const struct node* front = area_malloc_pointer(pool, first);
  CHECK(front->value == 10);
  CHECK(((struct node*)area_malloc_pointer(pool, front->next))->value == 2);
  const area_malloc_figures figures = figures_of(pool);
  CHECK(figures.allocations == 5 && figures.frees == 1);
  CHECK(figures.allocated_bytes - figures.freed_bytes == 3 * sizeof(struct node) + 1000);
  CHECK(area_malloc_check(pool) == B_OK);
}

/* Clones that a process has made itself, two of them in one process. */
static void own_clones(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, POOL_BYTES);
  void* at;
  const area_id clone =
      clone_area("mine", &at, B_ANY_ADDRESS, READ_WRITE, area_malloc_pool_area(pool));
  const void* same = area_malloc_attach(clone);
  CHECK(same != NULL && same != pool && area_malloc_pool_area(same) == clone);
  char* block = areas->malloc(pool, 100);
  memset(block, 3, 100);
  char* there = area_malloc_pointer(same, area_malloc_offset(pool, block));
  CHECK(there != block && are_all(there, 3, 100));
  areas->free(same, there);
  CHECK(figures_of(pool).frees == 1);
  /* The creator's ends; the clone has the memory. */
  block = areas->malloc(pool, 100);
  memset(block, 4, 100);
  there = area_malloc_pointer(same, area_malloc_offset(pool, block));
  const area_id area = area_malloc_pool_area(pool);
  CHECK(areas->delete_pool(pool) == B_OK && area_malloc_attach(area) == NULL);
  CHECK(are_all(there, 4, 100) && areas->malloc(same, 100) != NULL);
  CHECK(areas->delete_pool(same) == B_OK && areas->delete_pool(same) == B_ERROR);
  CHECK(find_area("mine") == B_NAME_NOT_FOUND);
}

/* A pool that grows is larger for all. */
static void grow_from_elsewhere(long area, long unused) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = area_malloc_attach((area_id)area);
  (void)unused;
  CHECK(areas->malloc(pool, POOL_BYTES) == NULL);
  CHECK(area_malloc_resize_pool(pool, 4 * POOL_BYTES) == B_OK);
  CHECK(areas->malloc(pool, POOL_BYTES) != NULL);
}

static void all_grow_together(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, POOL_BYTES);
  char* block = areas->malloc(pool, 10);
  spawn_and_wait("grow_from_elsewhere", area_malloc_pool_area(pool), 0);
  CHECK(area_malloc_check(pool) == B_OK);
  char* more = areas->malloc(pool, 2 * POOL_BYTES);
  CHECK(more != NULL);
  memset(more, 1, 2 * POOL_BYTES);
  CHECK(area_malloc_offset(pool, more) != AREA_MALLOC_NOWHERE);
  areas->free(pool, block);
  areas->free(pool, more);
  CHECK(figures_of(pool).size == 4 * POOL_BYTES);
}

/* Allocates, resizes, frees at random, until it is killed, or its parent has ended. */
static void churn(area_malloc_module_info* areas, const void* pool, unsigned seed) {
  void* blocks[32] = {NULL};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    const int i = rand_r(&seed) % 32;
    const size_t size = (size_t)rand_r(&seed) % 400;
    void* block = areas->realloc(pool, blocks[i], size);
    blocks[i] = block == NULL && size != 0 ? blocks[i] : block;
  }
}

static void pause_ms(long ms) {
  const struct timespec time = {0, ms * 1000000};
  nanosleep(&time, NULL);
}

/* M14: the process that has the lock is killed, in the middle of whatever it does. */
static void holders_are_killed(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, 16 * POOL_BYTES);
  unsigned seed = 14;
  for (int round = 0; round < 100; ++round) {
    pid_t children[2];
    for (int i = 0; i < 2; ++i) {
      children[i] = fork();
      if (children[i] == 0) {
        churn(areas, pool, (unsigned)(round * 2 + i));
      }
    }
    pause_ms(1 + rand_r(&seed) % 4);
    kill(children[0], SIGKILL);
    pause_ms(rand_r(&seed) % 3);
    char* block = areas->malloc(pool, 10); /* the other one is still at it */
    CHECK(block != NULL);
    areas->free(pool, block);
    kill(children[1], SIGKILL);
    CHECK(area_malloc_check(pool) == B_OK);
    waitpid(children[0], NULL, 0);
    waitpid(children[1], NULL, 0);
    CHECK(area_malloc_check(pool) == B_OK);
    if (figures_of(pool).largest_free < 8 * POOL_BYTES) {
      CHECK(areas->delete_pool(pool) == B_OK);
      pool = new_pool(areas, 16 * POOL_BYTES);
    }
  }
}

/* The same at instructions that are counted, so that some of them are in the middle. */
static void holders_are_killed_inside(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, POOL_BYTES);
  areas->free(pool, areas->malloc(pool, 10));
  unsigned long repaired = 0;
  for (int steps = 0; steps < 1500; steps += 10) {
    const area_malloc_figures before = figures_of(pool);
    const pid_t child = fork();
    if (child == 0) {
      ptrace(PTRACE_TRACEME, 0, NULL, NULL);
      areas->free(pool, areas->malloc(pool, 10)); /* who it is, is found out once */
      raise(SIGTRAP);
      areas->malloc(pool, 64);
      pause();
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) || !WIFSTOPPED(status)) {
      puts("skipped: no process may be traced here");
      return;
    }
    for (int i = 0; i < steps; ++i) {
      CHECK(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0);
      CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    void* block = areas->malloc(pool, 100);
    CHECK(block != NULL && area_malloc_check(pool) == B_OK);
    areas->free(pool, block);
    const area_malloc_figures after = figures_of(pool);
    const unsigned long made = after.allocations - before.allocations - 2;
    CHECK(made <= 1 && after.frees == before.frees + 2);
    CHECK(after.allocated_bytes - before.allocated_bytes == 110 + 64 * made);
    repaired = after.repaired;
  }
  CHECK(repaired >= 10);
  CHECK(figures_of(pool).allocations > figures_of(pool).frees + 10);
}

/* Children that no fork handler tells of. They are other holders than the thread that made them. */
static void unseen_children_are_killed(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, 16 * POOL_BYTES);
  unsigned seed = 1;
  alarm(60);
  for (int round = 0; round < 60; ++round) {
    const pid_t child = _Fork();
    if (child == 0) {
      churn(areas, pool, (unsigned)round);
    }
    for (int i = rand_r(&seed) % 2000; i > 0; --i) {
      char* block = areas->malloc(pool, 10);
      CHECK(block != NULL);
      areas->free(pool, block);
    }
    kill(child, SIGKILL);
    CHECK(area_malloc_check(pool) == B_OK);
    waitpid(child, NULL, 0);
    CHECK(area_malloc_check(pool) == B_OK);
  }
}

/* A child has the pools of its parent; what it does is seen, or not, as the areas are shared. */
static void fork_with(int is_shared) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, POOL_BYTES);
  char* block = areas->malloc(pool, 100);
  memset(block, 1, 100);
  const area_id area = area_malloc_pool_area(pool);
  const pid_t child = fork();
  if (child == 0) {
    CHECK(area_malloc_pool_area(pool) != area && area_for(block) == area_malloc_pool_area(pool));
    CHECK(are_all(block, 1, 100));
    memset(block, 2, 100);
    char* own = areas->malloc(pool, 50);
    CHECK(own != NULL && area_for(own) == area_malloc_pool_area(pool));
    memset(own, 3, 50);
    CHECK(area_malloc_check(pool) == B_OK && figures_of(pool).allocations == 2);
    CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK);
    CHECK(area_for(block) == B_ERROR);
    exit(0);
  }
  expect_success(child);
  CHECK(are_all(block, is_shared ? 2 : 1, 100));
  CHECK(figures_of(pool).allocations == (is_shared ? 2U : 1U));
  CHECK(area_malloc_check(pool) == B_OK && areas->malloc(pool, 10) != NULL);
}

static void forks_share(void) {
  fork_with(1);
}

/* With HEAPTAG_AREAS_FORK=be or haiku. */
static void forks_copy(void) {
  fork_with(0);
}

static area_malloc_module_info* busy_areas;
static const void* busy_pool;

static void* be_busy(void* unused) {
  churn(busy_areas, busy_pool, 5);
  return unused;
}

/* While another thread is at work in the pool. */
static void forks_of_busy_processes(void) {
  busy_areas = get_areas();
  busy_pool = new_pool(busy_areas, 16 * POOL_BYTES);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, be_busy, NULL) == 0);
  for (int i = 0; i < 200; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      CHECK(area_malloc_check(busy_pool) == B_OK);
      char* block = busy_areas->malloc(busy_pool, 100);
      CHECK(block != NULL);
      busy_areas->free(busy_pool, block);
      const void* other = new_pool(busy_areas, POOL_BYTES);
      CHECK(busy_areas->malloc(other, 100) != NULL);
      _exit(0);
    }
    expect_success(child);
  }
  CHECK(area_malloc_check(busy_pool) == B_OK);
  _exit(0);
}

/* A process that executes another program leaves its pools, and the lock with them. */
static void exec_leaves_pools(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, POOL_BYTES);
  const area_id area = area_malloc_pool_area(pool);
  const pid_t child = fork();
  if (child == 0) {
    const void* own =
        area_malloc_create_pool("of the child", B_ANY_ADDRESS, POOL_BYTES, B_NO_LOCK, READ_WRITE);
    CHECK(own != NULL && areas->malloc(pool, 10) != NULL);
    execlp("true", "true", NULL);
    _exit(1);
  }
  expect_success(child);
  CHECK(find_area("of the child") == B_NAME_NOT_FOUND);
  CHECK(figures_of(pool).allocations == 1 && area_malloc_pool_area(pool) == area);
}

#define CASE(name) \
  { #name, name }

int main(int argc, char** argv) {
  static const struct pool_case cases[] = {CASE(another_process_at_another_address),
                                           CASE(own_clones),
                                           CASE(all_grow_together),
                                           CASE(holders_are_killed),
                                           CASE(holders_are_killed_inside),
                                           CASE(unseen_children_are_killed),
                                           CASE(forks_share),
                                           CASE(forks_copy),
                                           CASE(forks_of_busy_processes),
                                           CASE(exec_leaves_pools),
                                           {NULL, NULL}};
  program = argv[0];
  if (argc == 4) {
    static const struct {
      const char* name;
      void (*run)(long, long);
    } helpers[] = {{"visit", visit}, {"grow_from_elsewhere", grow_from_elsewhere}};

    for (size_t i = 0; i < sizeof helpers / sizeof *helpers; ++i) {
      if (strcmp(helpers[i].name, argv[1]) == 0) {
        helpers[i].run(atol(argv[2]), atol(argv[3]));
        return 0;
      }
    }
  }
  return run_case(argc, argv, cases);
}
