// Threads that allocate at full speed while signals come at more than a kilohertz whose handler
// does so, too.  signal_storm THREADS DELIVERIES SOURCE ACTION [altstack]
//   SOURCE  itimer | prof: one timer for the process; timers: one for each thread; tgkill: a thread
//           that sends to each in turn
//   ACTION  of every handler after it has allocated: none; stdio; throw (and catch); jump (out of
//           the handler, every other time); fork or _Fork (every 50th time; the child allocates)
// Every block is filled, and looked at before it goes; blocks go from handlers to threads and back.
// Prints what main_allocates and handler_allocates did: allocations, frees, bytes in use, bytes in
// all; for jump, after which a call may have been cut short: the least and the most of allocations.
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#define SITE __attribute__((noinline, noclone, no_icf)) static

enum { kThreadsMax = 8, kWindow = 48, kKept = 6, kHanded = 333 };

struct Block {
  unsigned char* bytes;
  size_t size;
};

struct Count {
  volatile unsigned long begun, allocations, frees, freed_bytes, bytes;
};

// What a thread and the handlers in it have. Each counter has one writer: the thread or its
// handler.
struct Row {
  Block window[kWindow];
  Block kept[kKept];
  Count of_main, of_handler;
  Count handler_blocks_freed_by_main;
  std::atomic<unsigned char*> handed;  // kHanded bytes, from a handler to its thread
  unsigned seed, handler_seed;
  volatile unsigned long calls;
  sigjmp_buf back;
  volatile sig_atomic_t may_jump;
  volatile unsigned long jumps;
  timer_t timer;
  pid_t id;
  pthread_t thread;
};

static Row rows[kThreadsMax];
static thread_local Row* row;
static std::atomic<bool> stop;
static std::atomic<long> deliveries;
static std::atomic<long> wrong;
static std::atomic<int> ready;
static const char* action;
static bool on_alternate_stack;
static long thrown_and_caught;

static void complain(const char* what) {
  if (wrong++ < 5) {
    char text[100];
    const int length = std::snprintf(text, sizeof text, "%s\n", what);
    if (write(1, text, static_cast<size_t>(length)) < 0) {
      _exit(9);
    }
  }
}

static void fill(const Block& block) {
  std::memset(block.bytes, static_cast<int>(block.size * 7 % 251 + 1), block.size);
}

static void look_at(const Block& block) {
  const size_t step = block.size > 4096 ? 509 : 1;
  const unsigned char mark = static_cast<unsigned char>(block.size * 7 % 251 + 1);
  for (size_t i = 0; i < block.size; i += step) {
    if (block.bytes[i] != mark) {
      complain("a block has changed");
      return;
    }
  }
}

static size_t some_size(unsigned* seed) {
  *seed = *seed * 1103515245u + 12345u;
  const unsigned x = *seed >> 8;
  if (x % 400 == 0) {
    return x % 1500000 + 40000;
  }
  return (x % 20 == 0 ? x % 30000 : x % 3 == 0 ? 48 : x % 900) + 1;
}

#define ALLOCATE                                          \
  void* p = nullptr;                                      \
  switch (kind) {                                         \
    case 0:                                               \
      p = std::calloc(1, size);                           \
      break;                                              \
    case 1:                                               \
      if (posix_memalign(&p, 128, size) != 0) {           \
        p = nullptr;                                      \
      }                                                   \
      break;                                              \
    case 2:                                               \
      p = ::operator new(size);                           \
      break;                                              \
    case 3:                                               \
      p = std::realloc(old, size);                        \
      break;                                              \
    default:                                              \
      p = std::malloc(size);                              \
  }                                                       \
  if (p == nullptr) {                                     \
    complain("no memory");                                \
  }                                                       \
  if (kind == 0 && size != 0 && *static_cast<char*>(p)) { \
    complain("calloc is dirty");                          \
  }                                                       \
  __asm__ volatile("" : : "r"(p) : "memory");             \
  return static_cast<unsigned char*>(p)

SITE unsigned char* main_allocates(unsigned kind, size_t size, void* old) {
  ALLOCATE;
}

SITE unsigned char* handler_allocates(unsigned kind, size_t size, void* old) {
  ALLOCATE;
}

using Allocate = unsigned char* (*)(unsigned, size_t, void*);

// A new block in the place of `slot`. The slot is empty in between: a jump may cut this short.
static void replace(Block* slot, Allocate allocate, Count* count, unsigned* seed) {
  const Block old = *slot;
  slot->bytes = nullptr;
  const size_t size = some_size(seed);
  const unsigned kind = *seed >> 20 & 7;
  if (old.bytes != nullptr) {
    look_at(old);
    if (kind != 3) {
      std::free(old.bytes);
    }
    count->frees = count->frees + 1;
    count->freed_bytes = count->freed_bytes + old.size;
  }
  count->begun = count->begun + 1;
  unsigned char* p = allocate(kind, size, old.bytes);
  count->allocations = count->allocations + 1;
  count->bytes = count->bytes + size;
  fill({p, size});
  slot->size = size;  // before the slot has anything: a jump may come between the two
  std::atomic_signal_fence(std::memory_order_seq_cst);
  slot->bytes = p;
}

// ---- in the handler ----

static int child_works() {
  alarm(30);
  unsigned seed = 99;
  Block blocks[16] = {};
  Count count = {};
  for (int i = 0; i < 400; i++) {
    replace(&blocks[i % 16], handler_allocates, &count, &seed);
  }
  for (Block& block : row->window) {
    if (block.bytes != nullptr) {
      look_at(block);
    }
  }
  return wrong != 0;
}

static void make_child(pid_t pid) {
  if (pid == 0) {
    wrong = 0;
    _exit(child_works());
  }
  int status = 1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (pid < 0 || status != 0) {
    complain("a child failed");
  }
}

static void use_stdio() {
  FILE* file = std::fopen("/dev/null", "w");
  if (file == nullptr || std::fprintf(file, "%3000d %s", 7, "text") < 3000) {
    complain("stdio failed");
    return;
  }
  std::fclose(file);
  char* text = nullptr;
  if (asprintf(&text, "%500d", 8) != 500) {
    complain("asprintf failed");
  }
  std::free(text);
  std::free(strdup("copied"));
}

static void throw_and_catch(unsigned long number) {
  try {
    throw std::string(number % 500 + 20, 'x');
  } catch (const std::string& text) {
    if (text.size() != number % 500 + 20) {
      complain("another exception was caught");
    }
  }
}

static void hand_to_main(Row* own) {
  if (own->handed.load() != nullptr) {
    return;
  }
  Count* count = &own->of_handler;
  count->begun = count->begun + 1;
  const Block block = {handler_allocates(7, kHanded, nullptr), kHanded};
  count->allocations = count->allocations + 1;
  count->bytes = count->bytes + kHanded;
  fill(block);
  own->handed.store(block.bytes);
}

static void handler(int number) {
  const int error = errno;
  Row* own = row;
  if (own == nullptr) {  // the thread that sends
    return;
  }
  own->calls = own->calls + 1;
  const unsigned long call = own->calls;
  replace(&own->kept[call % kKept], handler_allocates, &own->of_handler, &own->handler_seed);
  hand_to_main(own);
  if (std::strcmp(action, "stdio") == 0) {
    use_stdio();
  } else if (std::strcmp(action, "throw") == 0) {
    throw_and_catch(call);
  } else if (std::strcmp(action, "fork") == 0 && call % 50 == 0) {
    make_child(fork());
  } else if (std::strcmp(action, "_Fork") == 0 && call % 50 == 0) {
    make_child(_Fork());
  }
  deliveries++;
  errno = error;
  if (number == SIGUSR2) {
    throw std::string(100, 'y');
  }
  if (std::strcmp(action, "jump") == 0 && own->may_jump && call % 2 == 0) {
    own->jumps = own->jumps + 1;
    siglongjmp(own->back, 1);
  }
}

// ---- in the thread ----

static void take_what_is_handed(Row* own) {
  const Block taken = {own->handed.exchange(nullptr), kHanded};
  if (taken.bytes == nullptr) {
    return;
  }
  look_at(taken);
  std::free(taken.bytes);
  Count* count = &own->handler_blocks_freed_by_main;
  count->frees = count->frees + 1;
  count->freed_bytes = count->freed_bytes + taken.size;
}

static int (*volatile send_to_itself)(int) = raise;

// A handler throws through the frames of libc and of whoever stands between it and the signal.
static void catch_from_handler() {
  try {
    send_to_itself(SIGUSR2);
    complain("nothing was thrown");
  } catch (const std::string& text) {
    thrown_and_caught += text.size() == 100;
    sigset_t caught;  // the handler did not return
    sigemptyset(&caught);
    sigaddset(&caught, SIGUSR2);
    sigaddset(&caught, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &caught, nullptr);
  }
}

static void set_alternate_stack() {
  const size_t page = 4096;
  const size_t size = (static_cast<size_t>(sysconf(_SC_MINSIGSTKSZ)) + 2 * page) / page * page;
  char* pages = static_cast<char*>(
      mmap(nullptr, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(pages, page, PROT_NONE);
  const stack_t stack = {pages + page, 0, size};
  sigaltstack(&stack, nullptr);
}

static void* work(void* argument) {
  Row* own = static_cast<Row*>(argument);
  if (on_alternate_stack) {
    set_alternate_stack();
  }
  own->seed = static_cast<unsigned>(own - rows) + 1;
  own->handler_seed = own->seed * 77;
  own->id = static_cast<pid_t>(syscall(SYS_gettid));
  row = own;
  ready++;
  volatile unsigned long round = 0;
  sigsetjmp(own->back, 1);
  own->may_jump = 1;
  while (!stop) {
    replace(&own->window[own->seed >> 8 & 31], main_allocates, &own->of_main, &own->seed);
    take_what_is_handed(own);
    round = round + 1;
    if (own == rows && std::strcmp(action, "throw") == 0 && round % 500 == 0) {
      catch_from_handler();
    }
  }
  own->may_jump = 0;
  return nullptr;
}

static void* send_all(void* threads) {
  const long count = reinterpret_cast<long>(threads);
  const timespec pause = {0, 100000};
  for (unsigned long i = 0; !stop; i++) {
    syscall(SYS_tgkill, getpid(), rows[i % static_cast<unsigned long>(count)].id, SIGALRM);
    nanosleep(&pause, nullptr);
  }
  return nullptr;
}

// ---- sources ----

static void set_timers(int which, long microseconds) {
  const itimerval value = {{0, microseconds}, {0, microseconds}};
  setitimer(static_cast<__itimer_which_t>(which), &value, nullptr);
}

static void start_thread_timers(int threads, long nanoseconds) {
  for (int t = 0; t < threads; t++) {
    sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGALRM;
    event._sigev_un._tid = rows[t].id;
    const itimerspec value = {{0, nanoseconds}, {0, nanoseconds}};
    if (nanoseconds == 0 || timer_create(CLOCK_MONOTONIC, &event, &rows[t].timer) != 0) {
      complain("no timer");
    }
    timer_settime(rows[t].timer, 0, &value, nullptr);
  }
}

static void say(const char* name, const Count& own, const Count& freed_elsewhere) {
  std::printf("%s %lu %lu %lu %lu\n", name, own.allocations, own.frees + freed_elsewhere.frees,
              own.bytes - own.freed_bytes - freed_elsewhere.freed_bytes, own.bytes);
}

static void add(Count* sum, const Count& part) {
  sum->begun = sum->begun + part.begun;
  sum->allocations = sum->allocations + part.allocations;
  sum->frees = sum->frees + part.frees;
  sum->freed_bytes = sum->freed_bytes + part.freed_bytes;
  sum->bytes = sum->bytes + part.bytes;
}

int main(int argc, char** argv) {
  if (argc < 5) {
    return 2;
  }
  const int threads = std::atoi(argv[1]);
  const long wanted = std::atol(argv[2]);
  const char* source = argv[3];
  action = argv[4];
  on_alternate_stack = argc > 5;
  struct sigaction act = {};
  act.sa_handler = handler;
  act.sa_flags = SA_RESTART | (on_alternate_stack ? SA_ONSTACK : 0);
  sigaddset(&act.sa_mask, SIGALRM);
  sigaddset(&act.sa_mask, SIGPROF);
  for (const int number : {SIGALRM, SIGPROF, SIGUSR2}) {
    sigaction(number, &act, nullptr);
  }
  sigset_t all;
  sigfillset(&all);
  for (int t = 0; t < threads; t++) {
    pthread_create(&rows[t].thread, nullptr, work, &rows[t]);
  }
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // they are for those at work
  while (ready < threads) {
    sched_yield();
  }
  pthread_t sender = {};
  if (std::strcmp(source, "itimer") == 0) {
    set_timers(ITIMER_REAL, 200);
  } else if (std::strcmp(source, "prof") == 0) {
    set_timers(ITIMER_PROF, 500);
  } else if (std::strcmp(source, "timers") == 0) {
    start_thread_timers(threads, 400000);
  } else {
    pthread_create(&sender, nullptr, send_all, reinterpret_cast<void*>(static_cast<long>(threads)));
  }
  const timespec pause = {0, 2000000};
  while (deliveries < wanted && wrong == 0) {
    nanosleep(&pause, nullptr);
  }
  set_timers(ITIMER_REAL, 0);
  set_timers(ITIMER_PROF, 0);
  stop = true;
  if (std::strcmp(source, "timers") == 0) {
    for (int t = 0; t < threads; t++) {
      timer_delete(rows[t].timer);
    }
  } else if (std::strcmp(source, "tgkill") == 0) {
    pthread_join(sender, nullptr);
  }
  Count of_main = {}, of_handler = {}, freed_by_main = {};
  unsigned long jumps = 0;
  for (int t = 0; t < threads; t++) {
    pthread_join(rows[t].thread, nullptr);
    for (const Block& block : rows[t].window) {
      if (block.bytes != nullptr) {
        look_at(block);
      }
    }
    add(&of_main, rows[t].of_main);
    add(&of_handler, rows[t].of_handler);
    add(&freed_by_main, rows[t].handler_blocks_freed_by_main);
    jumps += rows[t].jumps;
  }
  if (std::strcmp(action, "jump") == 0) {
    std::printf("main_allocates %lu %lu\n", of_main.allocations, of_main.begun);
    std::printf("handler_allocates %lu %lu\n", of_handler.allocations, of_handler.begun);
    if (jumps == 0) {
      complain("no jump");
    }
  } else {
    say("main_allocates", of_main, Count{});
    say("handler_allocates", of_handler, freed_by_main);
  }
  if (std::strcmp(action, "throw") == 0 && thrown_and_caught == 0) {
    complain("no exception came out of a handler");
  }
  std::puts(wrong == 0 ? "good" : "bad");
  return wrong != 0;
}
