/* create_area: C1 to C16 and I1 of the conformance cases; every sentence on it in the Be Book. */
#include "check.h"

/* The example of the Be Book: ten pages, half of them filled, copied, deleted. */
static void c1_example(void) {
  void* at = NULL;
  const area_id id = create_area("my area", &at, B_ANY_ADDRESS, PAGE * 10, B_NO_LOCK, RW);
  CHECK(id >= 0);
  CHECK((size_t)at % PAGE == 0 && at != NULL);
  char* area = at;
  memset(area, 'a', PAGE * 5);
  memcpy(area + PAGE * 5, area, PAGE * 5);
  CHECK(memcmp(area, area + PAGE * 5, PAGE * 5) == 0);
  SAME(delete_area(id), B_OK);
  READ_FAULTS(area);
}

static void c2_reads_as_zero(void) {
  for (int round = 0; round < 3; ++round) {
    void* at = NULL;
    const area_id id = make("zero", &at, 64 * PAGE);
    for (size_t i = 0; i < 64 * PAGE; ++i) {
      CHECK(((char*)at)[i] == 0);
    }
    memset(at, 0xff, 64 * PAGE);
    SAME(delete_area(id), B_OK);
  }
}

static void c3_sizes(void) {
  static const size_t bad[] = {0, 1, 4095, 4097, 8191, (size_t)-1};
  for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); ++i) {
    void* at = NULL;
    SAME(create_area("a", &at, B_ANY_ADDRESS, bad[i], B_NO_LOCK, RW), B_BAD_VALUE);
    CHECK(at == NULL);
  }
}

static void c4_constants(void) {
  void* at = NULL;
  static const uint32 specs[] = {B_CLONE_ADDRESS,           5, B_RANDOMIZED_ANY_ADDRESS,
                                 B_RANDOMIZED_BASE_ADDRESS, 8, (uint32)-1};
  for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); ++i) {
    SAME(create_area("a", &at, specs[i], PAGE, B_NO_LOCK, RW), B_BAD_VALUE);
  }
  static const uint32 locks[] = {7, 100, (uint32)-1};
  for (size_t i = 0; i < sizeof(locks) / sizeof(*locks); ++i) {
    SAME(create_area("a", &at, B_ANY_ADDRESS, PAGE, locks[i], RW), B_BAD_VALUE);
  }
  static const uint32 rights[] = {4, 8, 0x100, RW | 0x10, (uint32)-1};
  for (size_t i = 0; i < sizeof(rights) / sizeof(*rights); ++i) {
    SAME(create_area("a", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, rights[i]), B_BAD_VALUE);
  }
  SAME(create_area(NULL, &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, RW), B_BAD_VALUE);
  SAME(create_area("a", NULL, B_ANY_ADDRESS, PAGE, B_NO_LOCK, RW), B_BAD_VALUE);
  CHECK(create_area("", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, RW) > 0);
}

static void c5_exact(void) {
  char* free_at = free_range(64 * PAGE);
  void* at = free_at;
  const area_id id = create_area("exact", &at, B_EXACT_ADDRESS, 8 * PAGE, B_NO_LOCK, RW);
  CHECK(id > 0 && at == free_at);
  WRITES(free_at + 8 * PAGE - 1);
  void* again = free_at;
  SAME(create_area("a", &again, B_EXACT_ADDRESS, 8 * PAGE, B_NO_LOCK, RW), B_BAD_VALUE);
  CHECK(again == free_at);
  again = free_at - 7 * PAGE; /* its last page is our first */
  SAME(create_area("a", &again, B_EXACT_ADDRESS, 8 * PAGE, B_NO_LOCK, RW), B_BAD_VALUE);
  again = free_at + 7 * PAGE; /* its first page is our last */
  SAME(create_area("a", &again, B_EXACT_ADDRESS, 8 * PAGE, B_NO_LOCK, RW), B_BAD_VALUE);
  again = free_at + 32 * PAGE + 1;
  SAME(create_area("a", &again, B_EXACT_ADDRESS, PAGE, B_NO_LOCK, RW), B_BAD_VALUE);
  static const uintptr_t nobodys[] = {0, (uintptr_t)1 << 47, (uintptr_t)1 << 63, -PAGE,
                                      ((uintptr_t)1 << 47) - PAGE};
  for (size_t i = 0; i < sizeof(nobodys) / sizeof(*nobodys); ++i) {
    again = (void*)nobodys[i];
    SAME(create_area("a", &again, B_EXACT_ADDRESS, PAGE, B_NO_LOCK, RW), B_BAD_VALUE);
  }
  /* The room that an area has to grow is free for others who ask for it. */
  again = free_at + 8 * PAGE;
  const area_id behind = create_area("b", &again, B_EXACT_ADDRESS, PAGE, B_NO_LOCK, RW);
  CHECK(behind > 0 && again == free_at + 8 * PAGE);
  SAME(area_for(again), behind);
  SAME(area_for(free_at), id);
}

/* The address in the Be Book's own example of create_area. */
static void c6_low_address(void) {
  void* at = (void*)(PAGE * 100);
  const area_id id = create_area("my area", &at, B_EXACT_ADDRESS, PAGE, B_NO_LOCK, RW);
  CHECK(id > 0 || id == B_BAD_VALUE);
  if (id > 0) {
    CHECK(at == (void*)(PAGE * 100));
    WRITES(at);
  }
}

static void c7_base(void) {
  char* base = free_range(256 * PAGE);
  void* at = base;
  CHECK(create_area("a", &at, B_BASE_ADDRESS, 4 * PAGE, B_NO_LOCK, RW) > 0);
  CHECK(at == base); /* it was free */
  void* above = base;
  CHECK(create_area("b", &above, B_BASE_ADDRESS, 4 * PAGE, B_NO_LOCK, RW) > 0);
  CHECK((char*)above >= base + 4 * PAGE);
  WRITES(above);
  void* low = NULL;
  CHECK(create_area("c", &low, B_BASE_ADDRESS, PAGE, B_NO_LOCK, RW) > 0);
  CHECK(low != NULL);
  void* top = (void*)(((uintptr_t)1 << 47) - 16 * PAGE);
  SAME(create_area("d", &top, B_BASE_ADDRESS, 64 * PAGE, B_NO_LOCK, RW), B_NO_MEMORY);
  top = (void*)((uintptr_t)1 << 62);
  SAME(create_area("d", &top, B_BASE_ADDRESS, PAGE, B_NO_LOCK, RW), B_NO_MEMORY);
  void* odd = base + 1;
  SAME(create_area("d", &odd, B_BASE_ADDRESS, PAGE, B_NO_LOCK, RW), B_BAD_VALUE);
}

static void c8_any_ignores_the_address(void) {
  static const uintptr_t garbage[] = {1, 4097, (uintptr_t)-1, (uintptr_t)1 << 63};
  for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); ++i) {
    void* at = (void*)garbage[i];
    CHECK(create_area("a", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, RW) > 0);
    WRITES(at);
  }
}

static void c9_names(void) {
  char longest[101];
  memset(longest, 'x', 100);
  longest[100] = '\0';
  static const size_t lengths[] = {1, 31, 32, 100};
  for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); ++i) {
    void* at = NULL;
    const char* name = longest + 100 - lengths[i];
    const area_id id = make(name, &at, PAGE);
    const area_info info = info_of(id);
    const size_t kept = lengths[i] < 31 ? lengths[i] : 31;
    SAME(strlen(info.name), kept);
    CHECK(strncmp(info.name, name, kept) == 0);
    SAME(find_area(name), id);
    SAME(delete_area(id), B_OK);
  }
}

static void c10_equal_names(void) {
  void* at = NULL;
  const area_id first = make("same", &at, PAGE);
  const area_id second = make("same", &at, PAGE);
  CHECK(first != second);
  SAME(find_area("same"), first);
  SAME(delete_area(first), B_OK);
  SAME(find_area("same"), second);
  SAME(delete_area(second), B_OK);
  SAME(find_area("same"), B_NAME_NOT_FOUND);
  SAME(find_area("Same"), B_NAME_NOT_FOUND);
}

static void c11_protection(void) {
  void* at = NULL;
  CHECK(create_area("r", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, B_READ_AREA) > 0);
  READS(at);
  WRITE_FAULTS(at);
  const area_id none = create_area("0", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, 0);
  CHECK(none > 0);
  READ_FAULTS(at);
  SAME(info_of(none).protection, 0);
  const area_id write_only = create_area("w", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, B_WRITE_AREA);
  CHECK(write_only > 0);
  *(volatile char*)at = 1;
  SAME(info_of(write_only).protection, B_WRITE_AREA);
}

static size_t resident_pages(void* at, size_t pages) {
  unsigned char map[1024];
  size_t count = 0;
  CHECK(pages <= sizeof(map) && mincore(at, pages * PAGE, map) == 0);
  for (size_t i = 0; i < pages; ++i) {
    count += map[i] & 1;
  }
  return count;
}

static void c12_full_lock(void) {
  static const uint32 rights[] = {RW, B_READ_AREA, B_WRITE_AREA, 0};
  for (size_t i = 0; i < sizeof(rights) / sizeof(*rights); ++i) {
    const size_t before = status_bytes("VmLck");
    void* at = NULL;
    const area_id id = create_area("full", &at, B_ANY_ADDRESS, 64 * PAGE, B_FULL_LOCK, rights[i]);
    CHECK(id > 0);
    SAME(resident_pages(at, 64), 64);
    SAME(status_bytes("VmLck"), before + 64 * PAGE);
    const area_info info = info_of(id);
    SAME(info.ram_size, 64 * PAGE);
    SAME(info.lock, B_FULL_LOCK);
    SAME(delete_area(id), B_OK);
    SAME(status_bytes("VmLck"), before);
  }
}

static int count_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    count += fcntl(fd, F_GETFD) >= 0;
  }
  return count;
}

static void c12_beyond_the_limit(void) {
  const struct rlimit limits = {64 * PAGE, 64 * PAGE};
  if (setrlimit(RLIMIT_MEMLOCK, &limits) != 0 || !drop_privileges()) {
    SKIP("capabilities cannot be dropped");
  }
  void* at = NULL;
  make("warm", &at, PAGE);
  const int descriptors = count_descriptors();
  for (int round = 0; round < 20; ++round) {
    at = NULL;
    SAME(create_area("full", &at, B_ANY_ADDRESS, 65 * PAGE, B_FULL_LOCK, RW), B_NO_MEMORY);
    SAME(create_area("lazy", &at, B_ANY_ADDRESS, 65 * PAGE, B_LAZY_LOCK, RW), B_NO_MEMORY);
    CHECK(at == NULL);
    SAME(find_area("full"), B_NAME_NOT_FOUND);
  }
  SAME(count_descriptors(), descriptors);
  SAME(status_bytes("VmLck"), 0);
  const area_id id = create_area("full", &at, B_ANY_ADDRESS, 64 * PAGE, B_FULL_LOCK, RW);
  CHECK(id > 0);
  SAME(resize_area(id, 65 * PAGE), B_NO_MEMORY);
  SAME(info_of(id).size, 64 * PAGE);
  SAME(resize_area(id, 32 * PAGE), B_OK);
  SAME(resize_area(id, 48 * PAGE), B_OK);
  SAME(status_bytes("VmLck"), 48 * PAGE);
}

static void c13_lazy_lock(void) {
  void* at = NULL;
  const area_id id = create_area("lazy", &at, B_ANY_ADDRESS, 16 * PAGE, B_LAZY_LOCK, RW);
  CHECK(id > 0);
  SAME(info_of(id).ram_size, 0);
  for (int i = 0; i < 5; ++i) {
    WRITES((char*)at + i * PAGE);
  }
  SAME(info_of(id).ram_size, 5 * PAGE);
  SAME(info_of(id).lock, B_LAZY_LOCK);
  CHECK(madvise(at, PAGE, MADV_PAGEOUT) != 0 || resident_pages(at, 1) == 1);
  SAME(status_bytes("VmLck"), 16 * PAGE);
}

static unsigned long frame_of(const char* at) {
  unsigned long entry = 0;
  const int fd = open("/proc/self/pagemap", O_RDONLY);
  CHECK(fd >= 0);
  CHECK(pread(fd, &entry, sizeof(entry), (off_t)((size_t)at / PAGE * sizeof(entry))) == 8);
  close(fd);
  return entry & ((1UL << 55) - 1);
}

static void c14_contiguous(void) {
  static const size_t sizes[] = {PAGE, 64 * 1024, 2 << 20};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); ++i) {
    void* at = NULL;
    const area_id id = create_area("c", &at, B_ANY_ADDRESS, sizes[i], B_CONTIGUOUS, RW);
    if (id == B_NO_MEMORY && sizes[i] > PAGE) {
      SKIP("this kernel makes no large page of shared memory");
    }
    CHECK(id > 0);
    const char* area = at;
    const unsigned long first = frame_of(area);
    SAME(info_of(id).ram_size, sizes[i]);
    for (size_t page = 0; first != 0 && page < sizes[i] / PAGE; ++page) {
      SAME(frame_of(area + page * PAGE), first + page);
    }
    for (size_t byte = 0; byte < sizes[i]; ++byte) {
      CHECK(area[byte] == 0);
    }
    SAME(resize_area(id, sizes[i] + PAGE), B_NO_MEMORY);
    SAME(delete_area(id), B_OK);
  }
  void* at = NULL;
  SAME(create_area("c", &at, B_ANY_ADDRESS, (size_t)1 << 40, B_CONTIGUOUS, RW), B_NO_MEMORY);
}

static void c15_lomem(void) {
  void* at = NULL;
  SAME(create_area("l", &at, B_ANY_ADDRESS, PAGE, B_LOMEM, RW), B_NO_MEMORY);
  SAME(create_area("l", &at, B_ANY_ADDRESS, PAGE, B_32_BIT_FULL_LOCK, RW), B_NO_MEMORY);
  SAME(create_area("l", &at, B_ANY_ADDRESS, PAGE, B_32_BIT_CONTIGUOUS, RW), B_NO_MEMORY);
  SAME(find_area("l"), B_NAME_NOT_FOUND);
}

static void c16_too_large(void) {
  void* at = NULL;
  SAME(create_area("t", &at, B_ANY_ADDRESS, (size_t)1 << 44, B_NO_LOCK, RW), B_NO_MEMORY);
  SAME(create_area("t", &at, B_ANY_ADDRESS, (size_t)1 << 62, B_NO_LOCK, RW), B_NO_MEMORY);
  SAME(create_area("t", &at, B_ANY_ADDRESS, (size_t)1 << 44, B_FULL_LOCK, RW), B_NO_MEMORY);
  const area_id id = make("t", &at, PAGE);
  SAME(resize_area(id, (size_t)1 << 44), B_NO_MEMORY);
  SAME(info_of(id).size, PAGE);
}

/* Address space has a limit: no headroom, and none to have beyond it. */
static void limited_address_space(void) {
  const struct rlimit limits = {(size_t)256 << 20, (size_t)256 << 20};
  CHECK(setrlimit(RLIMIT_AS, &limits) == 0);
  void* at = NULL;
  const area_id id = make("a", &at, 16 * PAGE);
  SAME(create_area("b", &at, B_ANY_ADDRESS, (size_t)512 << 20, B_NO_LOCK, RW), B_NO_MEMORY);
  SAME(resize_area(id, 8 * PAGE), B_OK);
  SAME(resize_area(id, 16 * PAGE), B_OK);
}

/* Each area has a descriptor. Without one there is no area, and nothing is left behind. */
static void no_descriptors(void) {
  void *at, *other = NULL;
  const area_id id = make("n", &at, PAGE);
  const int before = count_descriptors();
  const struct rlimit limits = {64, 64};
  CHECK(setrlimit(RLIMIT_NOFILE, &limits) == 0);
  area_id last = 0;
  for (int i = 0; i < 100 && last >= 0; ++i) {
    last = create_area("n", &other, B_ANY_ADDRESS, PAGE, B_NO_LOCK, RW);
  }
  SAME(last, B_NO_MEMORY);
  SAME(clone_area("n", &other, B_ANY_ADDRESS, RW, id), B_NO_MEMORY);
  int32 cookie = id;
  area_info info;
  while (get_next_area_info(0, &cookie, &info) == B_OK) {
    SAME(delete_area(info.area), B_OK);
  }
  SAME(count_descriptors(), before);
}

/* Ids: positive, each larger than the one before, never used again. */
static void i1_ids_grow(void) {
  area_id last = 0;
  for (int i = 0; i < 100000; ++i) {
    void* at = NULL;
    const area_id id = create_area("i", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, RW);
    CHECK(id > last);
    last = id;
    SAME(delete_area(id), B_OK);
  }
}

/* The harness has set the next id to the largest but one. */
static void i2_ids_wrap(void) {
  void* at = NULL;
  area_id ids[4];
  for (int i = 0; i < 4; ++i) {
    ids[i] = make("w", &at, PAGE);
  }
  SAME(ids[0], INT32_MAX - 1);
  SAME(ids[1], INT32_MAX);
  SAME(ids[2], 1);
  SAME(ids[3], 2);
}

static void i2_live_ids_are_skipped(void) {
  void* at = NULL;
  const area_id second = make("w", &at, PAGE); /* 1 is the harness's */
  CHECK(second > 1);
}

/* The system's area: it stays when the program ends, and anybody may delete it. */
static void role_makes_kernel_area(void) {
  void* at = (void*)1;
  const area_id id = create_area("kernel's", &at, B_ANY_KERNEL_ADDRESS, 4 * PAGE, B_NO_LOCK, RW);
  strcpy(at, "still here");
  SAME(area_for(at), id);
  SAME(info_of(id).team, B_SYSTEM_TEAM);
  TELL(id);
}

static void kernel_area_survives(void) {
  struct peer maker = start_peer("makes_kernel_area");
  const area_id id = (area_id)hear_from(maker.from);
  end_well(maker);
  SAME(find_area("kernel's"), id);
  SAME(heaptag_areas_sweep(), 0);
  int32 cookie = 0;
  area_info info;
  SAME(get_next_area_info(B_SYSTEM_TEAM, &cookie, &info), B_OK);
  SAME(info.area, id);
  SAME(info.size, 4 * PAGE);
  void* at = NULL;
  const area_id copy = clone_area("clone", &at, B_ANY_ADDRESS, RW, id);
  CHECK(copy > 0);
  CHECK(strcmp(at, "still here") == 0);
  SAME(delete_area(id), B_OK);
  SAME(find_area("kernel's"), B_NAME_NOT_FOUND);
  CHECK(strcmp(at, "still here") == 0);
  SAME(resize_area(copy, 8 * PAGE), B_OK);
  WRITES((char*)at + 7 * PAGE);
}

static void errno_is_preserved(void) {
  void* at = NULL;
  errno = 4711;
  const area_id id = create_area("e", &at, B_ANY_ADDRESS, PAGE, B_NO_LOCK, RW);
  create_area("e", &at, B_EXACT_ADDRESS, PAGE, B_NO_LOCK, RW);
  find_area("nobody's");
  area_for(&at);
  resize_area(id, 1);
  delete_area(id);
  delete_area(id);
  SAME(errno, 4711);
}

const struct named cases[] = {
    {"c1_example", c1_example},
    {"c2_reads_as_zero", c2_reads_as_zero},
    {"c3_sizes", c3_sizes},
    {"c4_constants", c4_constants},
    {"c5_exact", c5_exact},
    {"c6_low_address", c6_low_address},
    {"c7_base", c7_base},
    {"c8_any_ignores_the_address", c8_any_ignores_the_address},
    {"c9_names", c9_names},
    {"c10_equal_names", c10_equal_names},
    {"c11_protection", c11_protection},
    {"c12_full_lock", c12_full_lock},
    {"c12_beyond_the_limit", c12_beyond_the_limit},
    {"c13_lazy_lock", c13_lazy_lock},
    {"c14_contiguous", c14_contiguous},
    {"c15_lomem", c15_lomem},
    {"c16_too_large", c16_too_large},
    {"limited_address_space", limited_address_space},
    {"no_descriptors", no_descriptors},
    {"i1_ids_grow", i1_ids_grow},
    {"kernel_area_survives", kernel_area_survives},
    {"errno_is_preserved", errno_is_preserved},
    {"-i2_ids_wrap", i2_ids_wrap},
    {"-i2_live_ids_are_skipped", i2_live_ids_are_skipped},
    {NULL, NULL},
};

const struct named roles[] = {
    {"makes_kernel_area", role_makes_kernel_area},
    {NULL, NULL},
};
