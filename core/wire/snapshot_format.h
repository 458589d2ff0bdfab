// The snapshot: a report in few bytes, whole in itself, for the command to show, name and compare
// later or elsewhere. Written by core/render/snapshot.h, read by tools/model/snapshot_reader.h.
// Layer: core/wire.  Any change of what follows bumps kSnapshotVersion; a reader knows all earlier
// versions and refuses later ones.
//
//     0               8       12
//     +---------------+-------+----------+----------+--   --+----------+---+---------------+
//     | 89 HTSNAP 0a  |version| P ...    | E ...    |  ...  | X ...    | . | sum           |
//     +---------------+-------+----------+----------+--   --+----------+---+---------------+
//       magic           u32 LE  process    environm.          errors    end  FNV-1a 64, LE,
//                                                                             of all before it
//
// Eight sections in this order, each a letter and its fields; numbers are little-endian base 128,
// the last byte below 0x80 (300 = ac 02).
//
//     P  version T, pid, program T, argc, argv T..., start time T, report time T, run_ns,
//        at_peak_ns, reason T, exit (0: not known, else 1 + status), signal
//     E  cgroup limit +1, cgroup use +1 (0: not known), kernel T, libc T
//     O  count, (name T, value T)...
//     F  figures, reallocations, peak, its error, resident, its maximum, metadata, cached, foreign
//        frees, threads; memory: live, rounding, cached, quarantined, metadata, not heap,
//        untouched, resident
//     M  count, (path T, build-id T, base, end, loaded at T, unloaded at T)...
//     T  count, (name T, origin T, peak, at peak, limit, number of sites,
//                figures when that is 0 (else they are the sum of the sites'),
//                (id, figures, size classes, at peak when there are several sites, frames)...)...
//     R  count, (name T, text T, matched sites)...
//     X  were there checks (1) or not (0), count,
//        (kind T, found when T, address, block, size, offset S, length, expected T, found T,
//         before T, after T, what the value is T, owner T, state T, caught by T, advice T,
//         allocated, freed and detected: (thread, age +1 (0: not known), frames),
//         number of neighbours, (distance S, size, owner T, state T, intact)...,
//         frees ago +1 (0: not known), times, withdrawn + 2 * refused)...
//
//     figures  allocations, frees, live blocks, live bytes, usable bytes, allocated bytes, failed
//     frames   count, (module, offset, function T, offset in it, file T, line, inlined)...
//     module   its place in M, from 1; 0: in none
//     T        a text: 0 for "not known"; else 1 + n, m and m bytes. Its first n bytes are those of
//              the text before it in the same column (SnapshotColumn), m bytes follow.
//     S        may be negative: 2n for n, 2n - 1 for -n
//     name     "not known" for an owner that is called by its first frame that is not inlined
//
// Version 1 ends after T; its sites have neither size classes nor at peak. Version 2 ends after R.
//
// Example: paths "/lib/a.so" and "/lib/b.so", one after the other, are
//     01 09 2f 6c 69 62 2f 61 2e 73 6f    0 bytes of the text before, 9 new ones
//     06 04 62 2e 73 6f                   5 bytes of it ("/lib/"), 4 new ones
// and an owner without a name that made 300 calls of 16 bytes and freed all, from one site, id 2,
// at 0x1151 of the first module, is (column of origins at its beginning)
//     00              no name: it is called by its frame
//     01 04 73 69 74 65       "site"
//     20 20 00        32 bytes at its own peak, 32 at that of the process, no limit
//     01              one site
//     02              its id
//     ac 02 ac 02 00 00 00 c0 25 00    300 calls, 300 frees, nothing live, 4800 bytes, none failed
//     01              one size class
//     01              one frame
//     01 d1 22 00 00 00 00 00          module 1, 0x1151, no function, no file, not inlined
#pragma once

#include "core/base/types.h"

namespace heaptag::wire {

inline constexpr char kSnapshotMagic[8] = {'\x89', 'H', 'T', 'S', 'N', 'A', 'P', '\n'};
inline constexpr uint32_t kSnapshotVersion = 3;

enum class SnapshotSection : char {
  kProcess = 'P',
  kEnvironment = 'E',
  kOptions = 'O',
  kFigures = 'F',
  kModules = 'M',
  kTags = 'T',
  kRules = 'R',
  kErrors = 'X',
  kEnd = '.',
};

/// Texts of one column are alike, so that each is written as what it adds to the one before.
enum class SnapshotColumn : uint8_t {
  kWord,      // of the process, its environment and options
  kTime,      // of modules
  kPath,      // of modules
  kBuildId,   // of modules
  kName,      // of tags
  kOrigin,    // of tags
  kFunction,  // of frames
  kFile,      // of frames
  kRule,      // names and texts of rules
  kError,     // words about errors
  kBytes,     // that errors are about
  kCount,
};

/// Source: Fowler, Noll, Vo 1991 (FNV-1a, 64 bits).
class SnapshotSum {
 public:
  void add(const void* bytes, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      sum_ = (sum_ ^ static_cast<const uint8_t*>(bytes)[i]) * 0x100000001b3;
    }
  }

  uint64_t value() const { return sum_; }

 private:
  uint64_t sum_ = 0xcbf29ce484222325;
};

}  // namespace heaptag::wire
