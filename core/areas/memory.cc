#include "core/areas/memory.h"

#include "core/areas/faults.h"
#include "core/areas/records.h"
#include "core/base/format.h"
#include "core/base/text.h"
#include "core/os/file.h"
#include "core/os/other_process.h"
#include "core/os/shared_memory.h"
#include "core/os/syscall.h"
#include "core/os/vm.h"

namespace heaptag::areas {

namespace {

using wire::AreaRecord;
using wire::ObjectRecord;

constexpr long kForbidden = -13;    // EACCES
constexpr long kNotPermitted = -1;  // EPERM

// Of the system, in making or opening a file: want of memory or descriptors, or anything else.
Status problem_of(long error) {
  constexpr long kNoRoom[] = {-12, -28, -23, -24, -27};  // ENOMEM ENOSPC ENFILE EMFILE EFBIG
  for (const long known : kNoRoom) {
    if (error == known) {
      return kNoMemory;
    }
  }
  return kError;
}

bool is_memory_of(int fd, const AreaRecord& record) {
  os::FileFacts facts;
  return !os::is_error(os::read_facts(fd, &facts)) && facts.inode == object_of(record).inode;
}

// Opens what may be the memory; -1 when it is something else by now.
int open_checked(const char* path, bool is_in_proc, const AreaRecord& record, Status* problem) {
  const int fd = os::open_shared_file(path, is_in_proc);
  if (fd < 0) {
    if (fd == kForbidden || fd == kNotPermitted) {
      *problem = kNotAllowed;
    } else if (problem_of(fd) == kNoMemory) {
      *problem = kNoMemory;
    }
    return -1;
  }
  if (is_memory_of(fd, record)) {
    return fd;
  }
  os::close_file(fd);
  return -1;
}

struct OwnRange {
  uint64_t address;
  uint64_t inode;
  os::MappedRange range;
};

// By the mapping itself, which the kernel allows to few.
int open_through_mapping(const AreaRecord& record) {
  OwnRange own{record.address, object_of(record).inode, {}};
  os::visit_mappings(
      record.owner,
      [](void* context, const os::MappedRange& range) {
        auto* of = static_cast<OwnRange*>(context);
        const bool is_it =
            range.inode == of->inode && of->address >= range.start && of->address < range.end;
        of->range = is_it ? range : of->range;
        return !is_it;
      },
      &own);
  if (own.range.end == 0) {
    return -1;
  }
  char path[96];
  BufferSink text(path, sizeof(path));
  text.sink().put("/proc/self/map_files/");
  text.sink().put(drop_first(format_hex(own.range.start).view(), 2));
  text.sink().put_char('-');
  text.sink().put(drop_first(format_hex(own.range.end).view(), 2));
  Status ignored = kOk;
  return open_checked(path, true, record, &ignored);
}

SharedPath name_of_memory(int32_t id, std::string_view name) {
  SharedPath path;
  BufferSink text(path.text, sizeof(path.text));
  text.sink().put("area:");
  text.sink().put(format_signed(id).view());
  text.sink().put_char(':');
  text.sink().put(name);
  return path;
}

}  // namespace

NewMemory make_memory(int32_t id, std::string_view name, size_t size_bytes, bool of_system) {
  NewMemory made;
  const SharedPath file = path_of_file(id);
  header().making_file = of_system ? id : 0;
  made.fd = of_system ? os::create_shared_file(file.text)
                      : os::create_memory_file(name_of_memory(id, name).text);
  if (made.fd < 0) {
    made.problem = problem_of(made.fd);
    header().making_file = 0;
    return made;
  }
  if (of_system) {
    os::make_private(made.fd);
    fault_point(Fault::kernel_file_made);
  }
  os::FileFacts facts;
  long result = os::set_file_size(made.fd, size_bytes);
  result = os::is_error(result) ? result : os::read_facts(made.fd, &facts);
  fault_point(Fault::object_made);
  const bool fits = !of_system || size_bytes <= os::room_beside(made.fd);
  if (!os::is_error(result) && fits) {
    made.object = new_object(facts.inode, size_bytes, of_system ? id : 0);
  }
  if (made.object == UINT32_MAX) {
    made.problem = os::is_error(result) ? problem_of(result) : kNoMemory;
    os::close_file(made.fd);
    made.fd = -1;
    if (of_system) {
      os::remove_file(file.text);
    }
  }
  header().making_file = 0;
  return made;
}

int copy_memory(const AreaRecord& record) {
  const ObjectRecord& object = object_of(record);
  const int fd = os::create_memory_file(name_of_memory(record.id, record.name).text);
  if (fd < 0) {
    return fd;
  }
  long result = os::set_file_size(fd, object.size_bytes);
  result = os::is_error(result) ? result : os::copy_memory_file(record.fd, fd, object.size_bytes);
  if (os::is_error(result)) {
    os::close_file(fd);
    return static_cast<int>(result);
  }
  return fd;
}

SharedPath path_of_descriptor(const AreaRecord& record) {
  SharedPath path;
  BufferSink text(path.text, sizeof(path.text));
  text.sink().put("/proc/");
  text.sink().put(format_decimal(record.owner).view());
  text.sink().put("/fd/");
  text.sink().put(format_signed(record.fd).view());
  return path;
}

int open_memory(const AreaRecord& record, Status* problem) {
  *problem = kBadValue;
  const int32_t file_id = object_of(record).file_id;
  if (file_id != 0) {
    return open_checked(path_of_file(file_id).text, false, record, problem);
  }
  int fd = open_checked(path_of_descriptor(record).text, true, record, problem);
  for (uint32_t i = 0; fd < 0 && i < records_end(); ++i) {  // any other who shares it
    const AreaRecord& other = *record_at(i);
    if (is_sane(other) && other.object == record.object) {
      fd = open_checked(path_of_descriptor(other).text, true, record, problem);
    }
  }
  if (fd < 0 && is_own(record)) {
    fd = open_through_mapping(record);
  }
  return fd;
}

int own_descriptor(AreaRecord* record) {
  if (is_memory_of(record->fd, *record)) {
    return record->fd;
  }
  Status ignored = kOk;
  record->fd = -1;
  record->fd = open_memory(*record, &ignored);
  return record->fd;
}

void close_descriptor(const AreaRecord& record) {
  if (is_memory_of(record.fd, record)) {
    os::close_file(record.fd);
  }
}

void measure(AreaRecord* record) {
  ObjectRecord& object = object_of(*record);
  os::FileFacts facts;
  const SharedPath path =
      object.file_id != 0 ? path_of_file(object.file_id) : path_of_descriptor(*record);
  if (!os::is_error(os::read_facts_of_path(path.text, object.file_id == 0, &facts)) &&
      facts.inode == object.inode) {
    object.size_bytes = facts.size_bytes;
  }
}

bool is_affordable(size_t size_bytes, bool locked) {
  return size_bytes <= os::machine_memory_bytes() &&
         (!locked || size_bytes <= os::available_memory_bytes());
}

uint64_t look_at_residency(AreaRecord* record) {
  ObjectRecord& object = object_of(*record);
  Status ignored = kOk;
  const bool own = is_own(*record);
  const int fd = own ? own_descriptor(record) : open_memory(*record, &ignored);
  if (fd < 0) {
    return 0;
  }
  uint64_t resident = 0;
  uint64_t evicted = 0;
  if (os::count_cached(fd, object.size_bytes, &resident, &evicted)) {
    note_evicted(&object, evicted, os::kPageBytes);
  }
  if (!own) {
    os::close_file(fd);
  }
  return resident;
}

}  // namespace heaptag::areas
