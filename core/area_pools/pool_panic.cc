#include "core/area_pools/pool_panic.h"

#include "core/base/format.h"
#include "core/os/file.h"
#include "core/os/process.h"

// libheaptag.so, where it is loaded: message to HEAPTAG_LOG, the program's hook, then abort.
extern "C" __attribute__((weak)) void heaptag_panic_(const char* message);

namespace heaptag::area_pools {

namespace {

constexpr int kStandardError = 2;
constinit bool mistakes_end_it = false;

void panic(const char* message) {
  if (heaptag_panic_ != nullptr) {
    heaptag_panic_(message);
    return;
  }
  char line[320];
  BufferSink text(line, sizeof(line));
  text.sink().put("heaptag: panic: ");
  text.sink().put(message);
  text.sink().put("\n");
  os::write_all(kStandardError, text.view().data(), text.view().size());
  os::abort_process();
}

// One line: "area_malloc free: ..."
class Message {
 public:
  explicit Message(const char* call) : text_(line_, sizeof(line_)) {
    put("area_malloc ");
    put(call);
    put(": ");
  }

  void put(const char* words) { text_.sink().put(words); }

  void put(const void* pointer) {
    text_.sink().put(format_hex(reinterpret_cast<uintptr_t>(pointer)).view());
  }

  void put(const Pool& pool) {
    put("pool ");
    put_printable(text_.sink(), pool.name);
  }

  void panic() const { area_pools::panic(line_); }

 private:
  char line_[256];
  BufferSink text_;
};

void say_what_it_is(Message* message, const Pool& pool, const void* pointer) {
  const os::LockGuard guard(table_lock());
  const Pool* around = pool_around(pointer);
  message->put(pointer);
  if (around == &pool) {
    message->put(" is not where a block begins, or what lies before it was written over, in ");
  } else if (around == nullptr) {
    message->put(" lies in no pool; it was passed to ");
  } else {
    message->put(" lies in ");
    message->put(*around);
    message->put("; it was passed to ");
  }
  message->put(pool);
}

}  // namespace

void end_at_mistakes(bool ends) {
  mistakes_end_it = ends;
}

void tell_fault(const Pool& pool, Fault fault, const char* call, const void* pointer) {
  if (!mistakes_end_it || fault == Fault::kNone) {
    return;
  }
  Message message(call);
  switch (fault) {
    case Fault::kNone:
      break;
    case Fault::kNoBlock:
      say_what_it_is(&message, pool, pointer);
      break;
    case Fault::kDoubleFree:
      message.put(pointer);
      message.put(" was freed before, in ");
      message.put(pool);
      break;
    case Fault::kDamaged:
      message.put("what lies between blocks was written over, ");
      if (pointer != nullptr) {
        message.put("around ");
        message.put(pointer);
        message.put(", ");
      }
      message.put("in ");
      message.put(pool);
      message.put("; it is used no more");
      break;
  }
  message.panic();
}

void tell_stray_write(const Pool& pool, const char* call) {
  if (mistakes_end_it) {
    Message message(call);
    message.put("somebody wrote to a block after it was freed, in ");
    message.put(pool);
    message.panic();
  }
}

void tell_reentry(const Pool& pool, const char* call) {
  if (mistakes_end_it) {
    Message message(call);
    message.put("called by a signal handler whose thread was at work in the same pool, ");
    message.put(pool);
    message.panic();
  }
}

}  // namespace heaptag::area_pools
