// Says how frames are left: the row of each return address that it reads.
// frame_rows [LIBRARY]...: loads the libraries, prints "module PATH" for everything that is loaded
// ("module" alone: this program), then a line for each line "MODULE ADDRESS" of its input, where
// MODULE counts from 0 and ADDRESS is hexadecimal, as in the file:
//
//   rsp+48 c-16 1000 1040    CFA, where rbp is saved (or "u"), the function's code
//   - 1000 1040              no row
//   - - -                    no function
//
// frame_rows --time ROUNDS: finds the rows of all its input as often, prints ns for each.
#include <dlfcn.h>
#include <link.h>
#include <time.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "core/stack/frame_rows.h"

namespace {

using heaptag::stack::find_frame_row;
using heaptag::stack::find_function_range;
using heaptag::stack::FrameRow;

struct Module {
  std::string path;
  uintptr_t base;
};

int add_module(dl_phdr_info* info, size_t, void* modules) {
  static_cast<std::vector<Module>*>(modules)->push_back({info->dlpi_name, info->dlpi_addr});
  return 0;
}

void print_row(uintptr_t base, uintptr_t pc) {
  FrameRow row;
  if (find_frame_row(pc, &row)) {
    row = FrameRow::unpack(row.pack() | uint64_t{0xbeef} << FrameRow::kBits);
    std::printf("%s+%" PRIu32, row.cfa_from_rbp ? "rbp" : "rsp", row.cfa_offset);
    row.rbp_saved_below == 0 ? std::printf(" u") : std::printf(" c-%" PRIu32, row.rbp_saved_below);
  } else {
    std::printf("-");
  }
  uintptr_t begin = 0;
  uintptr_t end = 0;
  if (find_function_range(pc, &begin, &end)) {
    std::printf(" %" PRIxPTR " %" PRIxPTR "\n", begin - base, end - base);
  } else {
    std::printf(" - -\n");
  }
}

double now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

void print_time(const std::vector<uintptr_t>& addresses, int rounds) {
  uint64_t found = 0;
  const double begin_ns = now_ns();
  for (int round = 0; round < rounds; ++round) {
    for (const uintptr_t pc : addresses) {
      FrameRow row;
      found += find_frame_row(pc, &row) ? 1 : 0;
    }
  }
  const double ns = (now_ns() - begin_ns) / (static_cast<double>(addresses.size()) * rounds);
  std::cout << addresses.size() << " addresses, " << found / static_cast<uint64_t>(rounds)
            << " rows, " << ns << " ns each\n";
}

}  // namespace

int main(int argc, char** argv) {
  const bool is_timed = argc == 3 && std::strcmp(argv[1], "--time") == 0;
  for (int i = 1; i < argc && !is_timed; ++i) {
    if (dlopen(argv[i], RTLD_NOW) == nullptr) {
      std::cerr << dlerror() << "\n";
      return 2;
    }
  }
  std::vector<Module> modules;
  dl_iterate_phdr(add_module, &modules);
  for (const Module& module : modules) {
    if (!is_timed) {
      std::printf("module%s%s\n", module.path.empty() ? "" : " ", module.path.c_str());
    }
  }
  std::vector<uintptr_t> addresses;
  unsigned number = 0;
  uintptr_t address = 0;
  while (std::scanf("%u %" SCNxPTR, &number, &address) == 2) {
    if (number >= modules.size()) {
      return 3;
    }
    if (is_timed) {
      addresses.push_back(modules[number].base + address);
    } else {
      print_row(modules[number].base, modules[number].base + address);
    }
  }
  if (is_timed && !addresses.empty()) {
    print_time(addresses, std::atoi(argv[2]));
  }
  return 0;
}
