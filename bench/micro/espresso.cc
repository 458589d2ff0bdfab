// After espresso (Berkeley; in Zorn's and Grunwald's collection of allocating programs), which
// minimises logic. Stresses short-lived records of mixed small sizes: cubes (bit sets), lists of
// them, and a recursion that makes new lists of new cubes at each step and drops them on its way
// back. What is computed is the complement of random covers, checked at random points. The program
// is ours, not Berkeley's.
#include "bench/micro/micro.h"

namespace {

constexpr uint32_t kPoints = 64;  // at which a complement is checked

// Two bits per variable: bit 0 says that it may be 0, bit 1 that it may be 1.
struct Cube {
  uint32_t words;
  uint64_t bits[];
};

struct Cover {
  uint32_t count;
  uint32_t room;
  Cube** cubes;
};

uint32_t variables;

uint32_t words() {
  return (2 * variables + 63) / 64;
}

Cube* new_cube() {
  const uint32_t size = words();
  auto* cube = static_cast<Cube*>(bench::must_malloc(sizeof(Cube) + size * sizeof(uint64_t)));
  cube->words = size;
  return cube;
}

Cube* universe() {
  Cube* cube = new_cube();
  std::memset(cube->bits, 0xff, cube->words * sizeof(uint64_t));
  return cube;
}

Cube* copy(const Cube* cube) {
  Cube* result = new_cube();
  std::memcpy(result->bits, cube->bits, cube->words * sizeof(uint64_t));
  return result;
}

uint32_t part(const Cube* cube, uint32_t variable) {
  return static_cast<uint32_t>(cube->bits[variable / 32] >> (2 * (variable % 32))) & 3;
}

void set_part(Cube* cube, uint32_t variable, uint64_t value) {
  uint64_t& word = cube->bits[variable / 32];
  word &= ~(uint64_t{3} << (2 * (variable % 32)));
  word |= value << (2 * (variable % 32));
}

bool contains(const Cube* large, const Cube* small) {
  for (uint32_t i = 0; i < large->words; ++i) {
    if ((small->bits[i] & ~large->bits[i]) != 0) {
      return false;
    }
  }
  return true;
}

Cover* new_cover() {
  auto* cover = static_cast<Cover*>(std::calloc(1, sizeof(Cover)));
  if (cover == nullptr) {
    bench::fail("calloc failed");
  }
  return cover;
}

// Takes the cube; drops it, or others, where one contains the other.
void add(Cover* cover, Cube* cube) {
  for (uint32_t i = 0; i < cover->count;) {
    if (contains(cover->cubes[i], cube)) {
      std::free(cube);
      return;
    }
    if (contains(cube, cover->cubes[i])) {
      std::free(cover->cubes[i]);
      cover->cubes[i] = cover->cubes[--cover->count];
    } else {
      ++i;
    }
  }
  if (cover->count == cover->room) {
    cover->room += 4 + cover->room / 2;
    auto* moved = static_cast<Cube**>(std::realloc(cover->cubes, cover->room * sizeof(Cube*)));
    if (moved == nullptr) {
      bench::fail("realloc failed");
    }
    cover->cubes = moved;
  }
  cover->cubes[cover->count++] = cube;
}

void drop(Cover* cover) {
  for (uint32_t i = 0; i < cover->count; ++i) {
    std::free(cover->cubes[i]);
  }
  std::free(cover->cubes);
  std::free(cover);
}

// What the cover is where `variable` has this value (1: it is 0, 2: it is 1).
Cover* cofactor(const Cover* cover, uint32_t variable, uint32_t value) {
  Cover* result = new_cover();
  for (uint32_t i = 0; i < cover->count; ++i) {
    if ((part(cover->cubes[i], variable) & value) != 0) {
      Cube* cube = copy(cover->cubes[i]);
      set_part(cube, variable, 3);
      add(result, cube);
    }
  }
  return result;
}

// The variable that most cubes care about; `variables` if none does.
uint32_t choose(const Cover* cover) {
  auto* votes = static_cast<uint32_t*>(std::calloc(variables, sizeof(uint32_t)));
  if (votes == nullptr) {
    bench::fail("calloc failed");
  }
  uint32_t best = variables;
  uint32_t most = 0;
  for (uint32_t v = 0; v < variables; ++v) {
    for (uint32_t i = 0; i < cover->count; ++i) {
      votes[v] += part(cover->cubes[i], v) != 3 ? 1 : 0;
    }
    if (votes[v] > most) {
      most = votes[v];
      best = v;
    }
  }
  std::free(votes);
  return best;
}

// Takes the half; those of its cubes that the other half has too need no value of `variable`.
void merge(Cover* result, Cover* half, const Cover* other, uint32_t variable, uint32_t value) {
  for (uint32_t i = 0; i < half->count; ++i) {
    bool both = false;
    for (uint32_t j = 0; j < other->count && !both; ++j) {
      both = contains(other->cubes[j], half->cubes[i]);
    }
    Cube* cube = copy(half->cubes[i]);
    if (!both) {
      set_part(cube, variable, value);
    }
    add(result, cube);
  }
}

Cover* complement(const Cover* cover) {
  Cover* result = new_cover();
  const uint32_t variable = choose(cover);
  if (cover->count == 0) {
    add(result, universe());
  } else if (variable < variables) {
    Cover* low = cofactor(cover, variable, 1);
    Cover* high = cofactor(cover, variable, 2);
    Cover* not_low = complement(low);
    Cover* not_high = complement(high);
    drop(low);
    drop(high);
    merge(result, not_low, not_high, variable, 1);
    merge(result, not_high, not_low, variable, 2);
    drop(not_low);
    drop(not_high);
  }
  return result;
}

Cover* draw_cover(bench::Rng& rng, uint32_t cubes) {
  Cover* cover = new_cover();
  for (uint32_t i = 0; i < cubes; ++i) {
    Cube* cube = universe();
    for (uint32_t cares = 3 + rng.below(3); cares > 0; --cares) {
      set_part(cube, rng.below(variables), 1 + rng.below(2));
    }
    add(cover, cube);
  }
  return cover;
}

bool covers(const Cover* cover, const Cube* point) {
  for (uint32_t i = 0; i < cover->count; ++i) {
    if (contains(cover->cubes[i], point)) {
      return true;
    }
  }
  return false;
}

void check_points(const Cover* cover, const Cover* negation, bench::Rng& rng) {
  Cube* point = universe();
  for (uint32_t i = 0; i < kPoints; ++i) {
    for (uint32_t v = 0; v < variables; ++v) {
      set_part(point, v, 1 + rng.below(2));
    }
    // The bits past the last variable are set in every cube.
    if (covers(cover, point) == covers(negation, point)) {
      bench::fail("a complement is wrong");
    }
  }
  std::free(point);
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t tasks = bench::work(argc, argv, 400, 1);
  bench::Rng rng(37);
  bench::Check check;
  for (uint64_t task = 0; task < tasks; ++task) {
    variables = 16 + rng.below(8);
    Cover* cover = draw_cover(rng, 16 + rng.below(6));
    Cover* negation = complement(cover);
    check_points(cover, negation, rng);
    check.add(negation->count);
    drop(negation);
    drop(cover);
  }
  return bench::finish("espresso", tasks, check.value());
}
