// Our own, after string builders, parsers and naive C: many buffers that grow by realloc at the
// same time, by a constant, by half or by doubling, up to 256 KiB, and shrink to fit at their end.
// Stresses whether realloc keeps its place within a size class, where it moves to, and what it
// copies.
#include "bench/micro/micro.h"

namespace {

constexpr uint32_t kBuffers = 512;
constexpr uint32_t kOctaves = 12;  // the final size: 64 B to 256 KiB
constexpr uint32_t kChunk = 48;    // what is appended at a time

struct Buffer {
  uint8_t* block;
  uint32_t used;
  uint32_t room;
  uint32_t end;  // the length that it will reach
  uint32_t habit;
};

Buffer buffers[kBuffers];

void resize(Buffer& buffer, uint32_t room) {
  auto* moved = static_cast<uint8_t*>(std::realloc(buffer.block, room));
  if (moved == nullptr) {
    bench::fail("realloc failed");
  }
  buffer.block = moved;
  buffer.room = room;
}

uint32_t next_room(const Buffer& buffer) {
  switch (buffer.habit) {
    case 0:
      return buffer.room + (buffer.room < 4'096 ? 64 : 4'096);
    case 1:
      return buffer.room + buffer.room / 2;
    default:
      return buffer.room * 2;
  }
}

// Every chunk begins with its number and must still do so at the end.
uint64_t finish_buffer(Buffer& buffer) {
  resize(buffer, buffer.used);
  uint64_t sum = 0;
  for (uint32_t at = 0; at < buffer.used; at += kChunk) {
    uint32_t number;
    std::memcpy(&number, buffer.block + at, sizeof number);
    if (number != at / kChunk) {
      bench::fail("realloc lost the contents");
    }
    sum += buffer.block[at + kChunk - 1];
  }
  std::free(buffer.block);
  return sum + buffer.used;
}

void append(Buffer& buffer, uint8_t mark) {
  const uint32_t needed = buffer.used + kChunk;
  if (needed > buffer.room) {
    const uint32_t planned = next_room(buffer);
    resize(buffer, planned > needed ? planned : needed);
  }
  const uint32_t number = buffer.used / kChunk;
  std::memset(buffer.block + buffer.used, mark, kChunk);
  std::memcpy(buffer.block + buffer.used, &number, sizeof number);
  buffer.used += kChunk;
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t operations = bench::work(argc, argv, 20'000'000, 20'000);
  bench::Rng rng(23);
  bench::Check check;
  for (uint64_t i = 0; i < operations; ++i) {
    Buffer& buffer = buffers[rng.below(kBuffers)];
    if (buffer.block == nullptr) {
      buffer = {nullptr, 0, 0, rng.power_law(64, kOctaves), rng.below(3)};
      resize(buffer, kChunk + rng.below(16));
    }
    append(buffer, static_cast<uint8_t>(i));
    if (buffer.used >= buffer.end) {
      check.add(finish_buffer(buffer));
      buffer.block = nullptr;
    }
  }
  for (Buffer& buffer : buffers) {
    std::free(buffer.block);
  }
  return bench::finish("growth", operations, check.value());
}
