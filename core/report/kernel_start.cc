#include "core/report/kernel_start.h"

#include "core/report/exit_report.h"
#include "core/report/log.h"
#include "core/report/tag_sites.h"
#include "core/safety/checksum.h"
#include "core/safety/panic.h"
#include "core/safety/settings.h"
#include "core/zone/interrupt.h"
#include "core/zone/mtype.h"
#include "core/zone/osmalloc.h"
#include "core/zone/say.h"

namespace heaptag::report {

namespace {

safety::AfterPanic after_panic(config::Panic panic) {
  switch (panic) {
    case config::Panic::kExit:
      return safety::AfterPanic::kExit;
    case config::Panic::kWarn:
      return safety::AfterPanic::kGoOn;
    case config::Panic::kAbort:
      break;
  }
  return safety::AfterPanic::kAbort;
}

zone::OsDialect dialect_of(config::OsmDialect dialect) {
  switch (dialect) {
    case config::OsmDialect::kXnu:
      return zone::OsDialect::kXnu;
    case config::OsmDialect::kXnu7195:
      return zone::OsDialect::kXnu7195;
    case config::OsmDialect::kStrict:
      break;
  }
  return zone::OsDialect::kStrict;
}

}  // namespace

void listen_to_zones() {
  zone::listener = {log_line, list_sites_of_tag};
  safety::panic_settings.say = [](std::string_view message) { log_line({"panic: ", message}); };
  safety::panic_settings.before_end = write_error_report;
}

void start_kernel_interfaces(const config::Options& options, bool aside) {
  const config::KernelOptions& kernel = options.kernel;
  safety::panic_settings.then = after_panic(kernel.panic);
  safety::panic_settings.exit_status = kernel.panic_status;
  zone::set_os_dialect(dialect_of(kernel.osm_dialect));
  zone::osmalloc_zone().is_wired = kernel.osm_wire;
  zone::osmalloc_zone().pool_bytes = kernel.osm_pool_bytes;
  zone::mtype_zone().pool_bytes = kernel.osf_pool_bytes;
  zone::set_limit_patience(kernel.osf_wait_ms);
  if (kernel.osf_intr_signals) {
    zone::expect_interrupts();
  }
  if (aside) {  // else the checks say it of all blocks
    safety::settings.has_crc = safety::has_crc();
    safety::settings.kmem_debug = options.check.kmem_debug;
  }
}

}  // namespace heaptag::report
