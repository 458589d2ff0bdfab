#include "tools/model/report_view.h"

namespace heaptag::tools {
namespace {

const char* text_or_null(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

render::Frame view_of(const Frame& frame) {
  render::Frame view;
  view.module = text_or_null(frame.module);
  view.build_id = text_or_null(frame.build_id);
  view.offset = frame.offset;
  view.function = text_or_null(frame.function);
  view.function_offset = frame.function_offset;
  view.file = text_or_null(frame.file);
  view.line = frame.line;
  view.inlined = frame.inlined;
  return view;
}

}  // namespace

ReportView::ReportView(const Report& report) {
  view_.version = text_or_null(report.version);
  add_process(report.process);
  view_.environment.cgroup_limit_known = report.environment.cgroup_limit_known;
  view_.environment.cgroup_limit = report.environment.cgroup_limit;
  view_.environment.cgroup_use_known = report.environment.cgroup_use_known;
  view_.environment.cgroup_use = report.environment.cgroup_use;
  view_.environment.kernel = text_or_null(report.environment.kernel);
  view_.environment.libc = text_or_null(report.environment.libc);
  view_.memory = report.memory;
  view_.totals = report.totals;
  for (const auto& [name, value] : report.options) {
    options_.push_back({name.c_str(), value.c_str()});
  }
  view_.options = options_.data();
  view_.option_count = options_.size();
  for (const Tag& tag : report.tags) {
    add_tag(tag);
  }
  view_.tags = tags_.data();
  view_.tag_count = tags_.size();
  for (const Module& module : report.modules) {
    modules_.push_back({text_or_null(module.path), text_or_null(module.build_id), module.base,
                        module.end, text_or_null(module.loaded_at),
                        text_or_null(module.unloaded_at)});
  }
  view_.modules = modules_.data();
  view_.module_count = modules_.size();
  for (const Rule& rule : report.rules) {
    rules_.push_back({rule.name.c_str(), rule.text.c_str(), rule.matched_sites});
  }
  view_.rules = rules_.data();
  view_.rule_count = rules_.size();
  for (const Error& error : report.errors) {
    add_error(error);
  }
  view_.errors = errors_.data();
  view_.error_count = errors_.size();
  view_.checks = report.checks;
}

void ReportView::add_process(const Process& process) {
  for (const std::string& argument : process.argv) {
    argv_.push_back(argument.c_str());
  }
  render::Process& view = view_.process;
  view.pid = process.pid;
  view.program = text_or_null(process.program);
  view.argv = argv_.data();
  view.argv_count = argv_.size();
  view.start_time = text_or_null(process.start_time);
  view.report_time = text_or_null(process.report_time);
  view.run_ns = process.run_ns;
  view.at_peak_ns = process.at_peak_ns;
  view.reason = process.reason.c_str();
  view.exit_known = process.exit_known;
  view.exit_status = process.exit_status;
  view.killed_by_signal = process.killed_by_signal;
}

void ReportView::add_tag(const Tag& tag) {
  std::vector<render::Site>& sites = sites_.emplace_back();
  for (const Site& site : tag.sites) {
    const std::vector<render::Frame>& frames = add_frames(site.frames);
    sites.push_back({site.id, frames.data(), frames.size(), site.figures, site.size_classes,
                     site.at_peak_bytes});
  }
  render::Tag view;
  view.name = tag.name.c_str();
  view.origin = tag.origin.c_str();
  view.figures = tag.figures;
  view.peak_live_bytes = tag.peak_live_bytes;
  view.at_peak_bytes = tag.at_peak_bytes;
  view.limit_bytes = tag.limit_bytes;
  view.sites = sites.data();
  view.site_count = sites.size();
  tags_.push_back(view);
}

const std::vector<render::Frame>& ReportView::add_frames(const std::vector<Frame>& frames) {
  std::vector<render::Frame>& views = frames_.emplace_back();
  for (const Frame& frame : frames) {
    views.push_back(view_of(frame));
  }
  return views;
}

render::Event ReportView::add_event(const Event& event) {
  const std::vector<render::Frame>& frames = add_frames(event.frames);
  return {frames.data(), frames.size(), event.thread, event.age_ns, event.age_known};
}

void ReportView::add_error(const Error& error) {
  std::vector<render::Neighbour>& neighbours = neighbours_.emplace_back();
  for (const Neighbour& neighbour : error.neighbours) {
    neighbours.push_back({neighbour.distance, neighbour.size, text_or_null(neighbour.owner),
                          text_or_null(neighbour.state), neighbour.intact});
  }
  render::Error view;
  view.kind = text_or_null(error.kind);
  view.found_when = text_or_null(error.found_when);
  view.address = error.address;
  view.block = error.block;
  view.size = error.size;
  view.offset = error.offset;
  view.length = error.length;
  view.expected = text_or_null(error.expected);
  view.found = text_or_null(error.found);
  view.before = text_or_null(error.before);
  view.after = text_or_null(error.after);
  view.value_is = text_or_null(error.value_is);
  view.owner = text_or_null(error.owner);
  view.block_state = text_or_null(error.block_state);
  view.caught_by = text_or_null(error.caught_by);
  view.advice = text_or_null(error.advice);
  view.allocated = add_event(error.allocated);
  view.freed = add_event(error.freed);
  view.detected = add_event(error.detected);
  view.neighbours = neighbours.data();
  view.neighbour_count = neighbours.size();
  view.frees_ago = error.frees_ago;
  view.frees_ago_known = error.frees_ago_known;
  view.count = error.count;
  view.withdrawn = error.withdrawn;
  view.refused = error.refused;
  errors_.push_back(view);
}

}  // namespace heaptag::tools
