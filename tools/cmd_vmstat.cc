// heaptag vmstat: MALLOC's memory in a running process, as vmstat -M and vmstat -m showed a
// kernel's.
// Source: Tru64 UNIX's vmstat(1), -M; 4.4BSD's vmstat(8), -m.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/utf8.h"
#include "tools/command.h"
#include "tools/live/live_error.h"
#include "tools/live/zone_reader.h"
#include "tools/report/target.h"
#include "tools/text/command_line.h"
#include "tools/text/message.h"
#include "tools/text/printable.h"

namespace heaptag::tools {
namespace {

struct BucketRow {
  uint64_t element = 0;
  uint64_t in_use = 0;
  uint64_t free = 0;
  uint64_t bytes = 0;
};

BucketRow row_of(const wire::BucketRecord& bucket) {
  BucketRow row;
  row.element = bucket.element_bytes;
  row.in_use = bucket.requests - std::min(bucket.frees, bucket.requests);
  row.free = bucket.total - std::min(row.in_use, bucket.total);
  row.bytes = bucket.total * bucket.element_bytes;
  return row;
}

uint64_t blocks_in_use(const wire::AccountRecord& type) {
  return type.allocations - std::min(type.frees, type.allocations);
}

uint64_t kilobytes(uint64_t bytes) {
  return (bytes + 1023) / 1024;
}

// "16,64,1K"
std::string sizes_of(const wire::AccountRecord& type, const ZoneFigures& zone) {
  std::string text;
  for (size_t i = 0; i < zone.buckets.size(); ++i) {
    if ((type.sizes >> i & 1) != 0) {
      const uint64_t bytes = zone.buckets[i].element_bytes;
      text += text.empty() ? "" : ",";
      text += bytes % 1024 == 0 ? fmt::format("{}K", bytes / 1024) : fmt::format("{}", bytes);
    }
  }
  if ((type.sizes >> zone.buckets.size() & 1) != 0) {
    text += text.empty() ? "larger" : ",larger";
  }
  return text;
}

void print_by_bucket_and_type(const ZoneFigures& zone) {
  fmt::print("bucket   element      in use        free           bytes\n");
  uint64_t used_bytes = zone.large_bytes;
  uint64_t free_bytes = 0;
  for (size_t i = 0; i < zone.buckets.size(); ++i) {
    const BucketRow row = row_of(zone.buckets[i]);
    fmt::print("{:>6}  {:>8}  {:>10}  {:>10}  {:>14}\n", i, row.element, row.in_use, row.free,
               row.bytes);
    used_bytes += row.in_use * row.element;
    free_bytes += row.free * row.element;
  }
  uint64_t large_blocks = 0;
  for (const TypeFigures& type : zone.types) {
    large_blocks += blocks_in_use(type.figures);
  }
  for (const wire::BucketRecord& bucket : zone.buckets) {
    large_blocks -= std::min(large_blocks, row_of(bucket).in_use);
  }
  fmt::print("{:>6}  {:>8}  {:>10}  {:>10}  {:>14}\n\n", zone.buckets.size(), "-", large_blocks, 0,
             zone.large_bytes);
  fmt::print("total bytes in use  {:>14}\ntotal bytes         {:>14}\n\n", used_bytes,
             used_bytes + free_bytes);
  unsigned column = 0;
  for (const TypeFigures& type : zone.types) {
    if (type.figures.live_usable != 0) {
      const std::string cell = fmt::format("{}={}", printable(type.name), type.figures.live_usable);
      ++column;
      fmt::print("{}{}", column % 3 == 1 ? "" : "  ", column % 3 == 0 ? cell : padded(cell, 26));
      fmt::print("{}", column % 3 == 0 ? "\n" : "");
    }
  }
  fmt::print("{}", column % 3 == 0 ? "" : "\n");
}

void print_bsd_buckets(const ZoneFigures& zone) {
  fmt::print("Memory statistics by bucket size\n");
  fmt::print("    Size   In Use     Free     Requests  HighWater  Couldfree\n");
  for (const wire::BucketRecord& bucket : zone.buckets) {
    const BucketRow row = row_of(bucket);
    if (bucket.requests != 0) {
      fmt::print("{:>8} {:>8} {:>8} {:>12} {:>10} {:>10}\n", row.element, row.in_use, row.free,
                 bucket.requests, bucket.high_water, bucket.could_free);
    }
  }
  fmt::print("\nMemory usage type by bucket size\n    Size  Type(s)\n");
  for (size_t i = 0; i <= zone.buckets.size(); ++i) {
    std::string types;
    for (const TypeFigures& type : zone.types) {
      if ((type.figures.sizes >> i & 1) != 0) {
        types += (types.empty() ? "" : ", ") + printable(type.name);
      }
    }
    if (!types.empty()) {
      fmt::print(
          "{:>8}  {}\n",
          i < zone.buckets.size() ? fmt::format("{}", zone.buckets[i].element_bytes) : "larger",
          types);
    }
  }
}

void print_bsd(const ZoneFigures& zone) {
  print_bsd_buckets(zone);
  size_t columns = 14;
  for (const TypeFigures& type : zone.types) {
    columns = std::max(columns, count_columns(printable(type.name)));
  }
  fmt::print("\nMemory statistics by type                          Type  Kern\n");
  fmt::print("{}  InUse  MemUse  HighUse    Limit    Requests  Limit Limit  Size(s)\n",
             padded("Type", columns));
  uint64_t requests = 0;
  uint64_t used = 0;
  for (const TypeFigures& type : zone.types) {
    const wire::AccountRecord& figures = type.figures;
    requests += figures.allocations;
    used += figures.live_usable;
    if (figures.allocations != 0) {
      fmt::print(
          "{} {:>6} {:>6}K {:>7}K {:>8} {:>11} {:>6} {:>5}  {}\n",
          padded(printable(type.name), columns), blocks_in_use(figures),
          kilobytes(figures.live_usable), kilobytes(figures.most_usable),
          figures.limit_bytes == 0 ? "-" : fmt::format("{}K", kilobytes(figures.limit_bytes)),
          figures.allocations, figures.limit_waits, figures.memory_waits, sizes_of(figures, zone));
    }
  }
  uint64_t free = 0;
  for (const wire::BucketRecord& bucket : zone.buckets) {
    free += row_of(bucket).free * bucket.element_bytes;
  }
  fmt::print("\nMemory Totals:  In Use    Free    Requests\n             {:>8}K {:>6}K {:>11}\n",
             kilobytes(used), kilobytes(free), requests);
}

}  // namespace

int cmd_vmstat(const Arguments& arguments) {
  CommandLine line("vmstat", "What MALLOC has given out in a running process, by bucket and type.");
  std::string word;
  bool as_tru64 = false;
  bool as_bsd = false;
  line.app().add_option("PID", word,
                        "a pid, or a program's name if it runs once; left out: the only process "
                        "under heaptag");
  line.app().add_flag("-M", as_tru64, "buckets and types as Tru64 UNIX shows them (default)");
  line.app().add_flag("-m", as_bsd, "as 4.4BSD shows them");
  if (const auto status = line.parse(arguments)) {
    return *status;
  }
  try {
    const Target target = find_target(word);
    if (target.pid == 0) {
      complain("vmstat: {} is a file: a process is needed, as its pid", word);
      return kUsageOrCouldNot;
    }
    const ZoneFigures zone = read_mtype_zone(target.pid);
    if (zone.buckets.empty()) {
      complain(
          "process {} has not called MALLOC (heaptag/mtype.h); heaptag report {} shows the rest",
          target.pid, target.pid);
      return kUsageOrCouldNot;
    }
    if (as_tru64 || !as_bsd) {
      print_by_bucket_and_type(zone);
    }
    if (as_bsd) {
      print_bsd(zone);
    }
    return kDone;
  } catch (const TargetError& error) {
    complain("{}", error.what());
  } catch (const LiveError& error) {
    complain("{}", error.what());
  }
  return kUsageOrCouldNot;
}

}  // namespace heaptag::tools
