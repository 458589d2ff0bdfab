#include "core/areas/registry.h"

#include "core/areas/faults.h"
#include "core/areas/liveness.h"
#include "core/areas/mapping.h"
#include "core/areas/records.h"
#include "core/base/format.h"
#include "core/os/file.h"
#include "core/os/other_process.h"
#include "core/os/process.h"
#include "core/os/robust_lock.h"
#include "core/os/shared_memory.h"
#include "core/os/signals.h"
#include "core/os/syscall.h"
#include "core/os/vm.h"

namespace heaptag::areas {

namespace {

using wire::AreaRecord;
using wire::AreasHeader;
using wire::ObjectRecord;

constexpr int kAttempts = 8;
constexpr long kAlreadyThere = -17;  // EEXIST

constinit config::AreaOptions options{};
constinit Self us{};
constinit uint64_t mask_before = 0;  // of the thread that has the session

// The mapping. A registry that somebody has removed is left behind, and stays mapped: another
// thread may be looking at it.
constinit uint32_t opening = 0;
constinit uint8_t* base = nullptr;
constinit uint64_t base_inode = 0;

// Held for the time of a few system calls, with signals blocked. Fork waits for it, too.
class OpeningGuard {
 public:
  OpeningGuard() { hold_opening(); }

  ~OpeningGuard() { release_opening(); }

  OpeningGuard(const OpeningGuard&) = delete;
  OpeningGuard& operator=(const OpeningGuard&) = delete;
};

void put_user_and_namespace(const Sink& out) {
  out.put(format_decimal(os::effective_user()).view());
  if (!options.name_space.empty()) {
    out.put_char('-');
    out.put(options.name_space);
  }
}

os::RobustLock* lock_of(AreasHeader* of) {
  return reinterpret_cast<os::RobustLock*>(of->lock);
}

// Nobody else's, no link, and of the size that we are going to map.
bool is_trusted(const os::FileFacts& facts) {
  return facts.is_regular && facts.is_private && facts.owner == os::effective_user() &&
         facts.links == 1 && facts.size_bytes == wire::kAreasFileBytes;
}

bool is_whole(const AreasHeader& of) {
  return of.magic == wire::kAreasMagic && of.version == wire::kAreasVersion &&
         of.capacity == wire::kMaxAreas && of.areas_end <= of.areas_backed &&
         of.objects_end <= of.objects_backed && of.areas_backed <= wire::kMaxAreas &&
         of.objects_backed <= wire::kMaxAreas;
}

uint8_t* map_registry(int fd) {
  const long at = os::map_shared(fd, wire::kAreasFileBytes, os::kMayRead | os::kMayWrite, nullptr);
  return os::is_error(at) ? nullptr : reinterpret_cast<uint8_t*>(at);
}

// Made whole before it gets its name.
long create_registry(const char* path) {
  const int fd = os::create_unnamed_file(wire::kAreasFolder);
  if (fd < 0) {
    return fd;
  }
  os::make_private(fd);
  long result = os::set_file_size(fd, wire::kAreasFileBytes);
  result = os::is_error(result) ? result : os::give_memory(fd, 0, os::kPageBytes);
  uint8_t* at = os::is_error(result) ? nullptr : map_registry(fd);
  if (at != nullptr) {
    auto* made = reinterpret_cast<AreasHeader*>(at);
    made->version = wire::kAreasVersion;
    made->capacity = wire::kMaxAreas;
    made->next_id = 1;
    made->magic = wire::kAreasMagic;
    result = os::make_robust_lock(lock_of(made)) ? os::publish_file(fd, path) : -1;
    os::unmap(at, wire::kAreasFileBytes);
  }
  os::close_file(fd);
  return at == nullptr && !os::is_error(result) ? -1 : result;
}

enum class Opened { kYes, kAgain, kNo };

Opened open_registry(const char* path) {
  os::FileFacts facts;
  if (os::is_error(os::read_facts_of_path(path, false, &facts))) {
    const long made = create_registry(path);
    return os::is_error(made) && made != kAlreadyThere ? Opened::kNo : Opened::kAgain;
  }
  if (!is_trusted(facts)) {
    return Opened::kNo;
  }
  const int fd = os::open_shared_file(path, false);
  if (fd < 0) {
    return Opened::kAgain;
  }
  uint8_t* at = nullptr;
  if (!os::is_error(os::read_facts(fd, &facts)) && is_trusted(facts)) {
    at = map_registry(fd);
  }
  os::close_file(fd);
  if (at == nullptr) {
    return Opened::kNo;
  }
  if (!is_whole(*reinterpret_cast<AreasHeader*>(at))) {
    os::unmap(at, wire::kAreasFileBytes);
    return Opened::kNo;
  }
  base = at;
  base_inode = facts.inode;
  us.areas = 0;
  return Opened::kYes;
}

// Is what we have mapped what others open, and still as large?
bool find_registry() {
  const OpeningGuard guard;
  const SharedPath path = path_of_registry();
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (base != nullptr) {
      os::FileFacts facts;
      const bool exists = !os::is_error(os::read_facts_of_path(path.text, false, &facts));
      if (exists && facts.inode == base_inode) {
        return is_trusted(facts);
      }
      if (us.areas != 0) {
        return true;  // somebody has removed it, but ours are in it
      }
    }
    const Opened opened = open_registry(path.text);
    if (opened != Opened::kAgain) {
      return opened == Opened::kYes;
    }
  }
  return false;
}

// A new process, or one that has become another program: records of its number that it does not
// stand behind are of the past.
void note_self() {
  const uint32_t pid = os::process_id();
  if (pid == us.pid) {
    return;
  }
  us.pid = pid;
  us.start_time = os::look_at_process(pid).start_time;
  us.pid_namespace = os::pid_namespace();
  release_remains_of(pid);
  us.areas = 0;
  for_each_record([](AreaRecord* record) { us.areas += is_own(*record) ? 1 : 0; });
}

}  // namespace

void configure(const config::AreaOptions& to) {
  options = to;
}

const config::AreaOptions& settings() {
  return options;
}

SharedPath path_of_registry() {
  SharedPath path;
  BufferSink text(path.text, sizeof(path.text));
  text.sink().put(wire::kAreasFilePrefix);
  put_user_and_namespace(text.sink());
  return path;
}

SharedPath path_of_file(int32_t id) {
  SharedPath path;
  BufferSink text(path.text, sizeof(path.text));
  text.sink().put(wire::kAreaFilePrefix);
  put_user_and_namespace(text.sink());
  text.sink().put_char('.');
  text.sink().put(format_signed(id).view());
  return path;
}

bool Session::begin() {
  const uint64_t mask = os::block_signals();
  if (!find_registry()) {
    os::set_signal_mask(mask);
    return false;
  }
  const os::Taken taken = os::take(lock_of(&header()));
  if (taken != os::Taken::kYes && taken != os::Taken::kFromDead) {
    os::set_signal_mask(mask);
    return false;
  }
  mask_before = mask;
  if (!is_whole(header())) {
    end();
    return false;
  }
  if (taken == os::Taken::kFromDead) {
    repair_records();
    ++header().recoveries;
    os::mark_consistent(lock_of(&header()));
  }
  fault_point(Fault::session_taken);
  note_self();
  if (us.seen_changes != header().changes) {
    us.seen_changes = header().changes;
    settle_own_areas();
  }
  return true;
}

void Session::end() {
  const uint64_t mask = mask_before;
  os::give_back(lock_of(&header()));
  os::set_signal_mask(mask);
}

uint64_t session_mask() {
  return mask_before;
}

bool is_in_use() {
  return __atomic_load_n(&base, __ATOMIC_RELAXED) != nullptr;
}

void hold_opening() {
  while (__atomic_exchange_n(&opening, 1U, __ATOMIC_ACQUIRE) != 0) {
    os::raw_syscall(SYS_sched_yield);
  }
}

void release_opening() {
  __atomic_store_n(&opening, 0U, __ATOMIC_RELEASE);
}

AreasHeader& header() {
  return *reinterpret_cast<AreasHeader*>(base);
}

AreaRecord* area_records() {
  return reinterpret_cast<AreaRecord*>(base + wire::kAreasAt);
}

ObjectRecord* object_records() {
  return reinterpret_cast<ObjectRecord*>(base + wire::kObjectsAt);
}

Self& self() {
  return us;
}

bool back_records(uint32_t areas, uint32_t objects) {
  constexpr uint32_t kAreasPerPage = os::kPageBytes / sizeof(AreaRecord);
  constexpr uint32_t kObjectsPerPage = os::kPageBytes / sizeof(ObjectRecord);
  AreasHeader& of = header();
  if (areas <= of.areas_backed && objects <= of.objects_backed) {
    return true;
  }
  const int fd = os::open_shared_file(path_of_registry().text, false);
  os::FileFacts facts;
  bool backed = fd >= 0 && !os::is_error(os::read_facts(fd, &facts)) && facts.inode == base_inode;
  while (backed && of.areas_backed < areas) {
    backed = !os::is_error(
        os::give_memory(fd, wire::kAreasAt + of.areas_backed * sizeof(AreaRecord), os::kPageBytes));
    of.areas_backed += backed ? kAreasPerPage : 0;
  }
  while (backed && of.objects_backed < objects) {
    backed = !os::is_error(os::give_memory(
        fd, wire::kObjectsAt + of.objects_backed * sizeof(ObjectRecord), os::kPageBytes));
    of.objects_backed += backed ? kObjectsPerPage : 0;
  }
  if (fd >= 0) {
    os::close_file(fd);
  }
  return backed;
}

int32_t next_id() {
  AreasHeader& of = header();
  for (;;) {
    if (of.next_id <= 0) {  // beyond the largest
      of.next_id = 1;
    }
    const int32_t id = of.next_id;
    of.next_id = id == INT32_MAX ? 1 : id + 1;
    if (find_record(id) == nullptr) {
      return id;
    }
  }
}

}  // namespace heaptag::areas
