// The cases of both languages, and how they are asked for.
#pragma once

#include "planted_accesses.h"
#include "planted_frees.h"

#define CASE(name, least) \
  { #name, name, least }

static const struct Case common_cases[] = {
    CASE(uaf_first_churn, 1),
    CASE(uaf_middle_churn, 1),
    CASE(uaf_last_churn, 1),
    CASE(uaf_first_quiet, 1),
    CASE(uaf_middle_quiet, 1),
    CASE(uaf_last_quiet, 1),
    CASE(uaf_elsewhere, 1),
    CASE(uaf_freed_by_thread, 1),
    CASE(uaf_read, 1),
    CASE(freed_content, 1),
    CASE(double_free, 1),
    CASE(double_free_late, 1),
    CASE(double_free_by_thread, 1),
    CASE(double_free_of_threads, 1),
    CASE(interior_free, 2),
    CASE(interior_free_16, 17),
    CASE(interior_free_1, 2),
    CASE(stack_free, 1),
    CASE(static_free, 1),
    CASE(foreign_free, 1),
    CASE(unmapped_free, 1),
    CASE(small_number_free, 1),
    CASE(never_free_far, 1),
    CASE(never_free_near, 1),
    CASE(overflow_1, 1),
    CASE(overflow_nul, 1),
    CASE(overflow_16, 1),
    CASE(overflow_at_16, 1),
    CASE(underflow_1, 1),
    CASE(underflow_16, 1),
    CASE(underflow_at_16, 1),
    CASE(overflow_kept, 1),
    CASE(underflow_kept, 1),
    CASE(read_beyond, 1),
    CASE(read_before, 1),
};

static int position(const char* const* names, int count, const char* name) {
  for (int i = 0; i < count; i++) {
    if (strcmp(names[i], name) == 0) {
      return i;
    }
  }
  fprintf(stderr, "no allocator %s\n", name);
  exit(2);
}

// The program's own cases, and its allocators.
struct Own {
  const struct Case* cases;
  int case_count;
  const char* const* allocators;
  int allocator_count;
};

enum { kCommonCases = sizeof common_cases / sizeof *common_cases };

static const struct Case* case_at(const struct Own* own, int i) {
  if (i < kCommonCases) {
    return common_cases + i;
  }
  return i - kCommonCases < own->case_count ? own->cases + (i - kCommonCases) : NULL;
}

static void run_case(const struct Own* own, const char* name, size_t size, int bad) {
  const struct Case* one;
  for (int i = 0; (one = case_at(own, i)) != NULL; i++) {
    if (strcmp(one->name, name) == 0 && size >= one->least) {
      one->run(size, bad);
      printf("%s %zu done\n", name, size);
      return;
    }
  }
  fprintf(stderr, "no case %s of size %zu\n", name, size);
  exit(2);
}

static int list_cases(const struct Own* own) {
  const struct Case* one;
  for (int i = 0; (one = case_at(own, i)) != NULL; i++) {
    printf("%s %zu\n", one->name, one->least);
  }
  return 0;
}

// stdio must not allocate: its blocks would lie among those that are abused.
static int run_all(const struct Own* own, int argc, char** argv) {
  static char out[4096];
  setvbuf(stdout, out, _IOLBF, sizeof out);
  if (argc == 2 && strcmp(argv[1], "list") == 0) {
    return list_cases(own);
  }
  if (argc < 4 || argc % 3 != 1) {
    return 2;
  }
  for (int i = 1; i < argc; i += 3) {
    char name[64];
    snprintf(name, sizeof name, "%s", argv[i]);
    char* comma = strchr(name, ',');
    allocator = 0;
    if (comma != NULL) {
      *comma = 0;
      allocator = position(own->allocators, own->allocator_count, comma + 1);
    }
    run_case(own, name, strtoul(argv[i + 1], NULL, 10), strcmp(argv[i + 2], "bad") == 0);
  }
  return 0;
}
