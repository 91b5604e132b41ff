// What the data plane shows of its packets' way, as text.

#include "controlplane/cli/json_text.h"
#include "controlplane/cli/render.h"
#include "controlplane/cli/table.h"

namespace isthmus::cli {
namespace {

using Align = Table::Align;

void add_worker(std::string& out, const json::value& worker) {
  Table table({{"STAGE"},
               {"PACKETS", Align::kRight},
               {"A CALL", Align::kRight},
               {"CYCLES A PACKET", Align::kRight},
               {"NS A PACKET", Align::kRight}});
  double cycles = 0;
  double received = 0;
  for (const json::value& stage : items(at(worker, "stages"))) {
    const json::value& calls = at(stage, "calls");
    const json::value& packets = at(stage, "packets");
    if (!calls.is_number() || calls.to_number<double>() == 0) continue;
    const double of_a_call = packets.is_number() ? packets.to_number<double>() / calls.to_number<double>() : 0;
    // A tick is not a received packet's: it comes round with or without one.
    if (const json::value& each = at(stage, "cycles"); each.is_number() && text(stage, "stage") != "tick") {
      cycles += each.to_number<double>();
    }
    if (text(stage, "stage") == "classify" && packets.is_number()) received = packets.to_number<double>();
    table.add({text(stage, "stage"), text(stage, "packets"), fmt::format("{:.1f}", of_a_call),
               text(stage, "cycles_per_packet"), text(stage, "ns_per_packet")});
  }
  out += "\nWorker " + text(worker, "worker") + (table.empty() ? ": nothing measured\n" : "\n" + table.text());
  if (received > 0) out += fmt::format("All but tick: {:.1f} cycles a received packet\n", cycles / received);
}

/// "seq 4711->812 ssrc 0x1a2b3c4d pt 111"
std::string rtp_text(const json::value& record) {
  const json::value& in = at(record, "rtp_in");
  const json::value& out = at(record, "rtp_out");
  const auto both = [&](std::string_view name) {
    return out.is_object() ? text(in, name) + "->" + text(out, name) : text(in, name);
  };
  if (!in.is_object()) return {};
  return "seq " + both("sequence") + " ssrc " + both("ssrc") + " pt " + both("payload_type") +
         (text(record, "marker") == "yes" ? " marker" : "");
}

/// "dropped srtp_auth_failed in unprotect", "forwarded 1192 B"
std::string fate_text(const json::value& record) {
  const std::string fate = text(record, "fate");
  if (fate == "dropped") return "dropped " + text(record, "drop_reason") + " in " + text(record, "stage");
  if (fate == "adapted") return "taken to be packed anew";
  if (fate == "consumed") return "consumed by " + text(record, "stage");
  return fate + " " + text(record, "bytes_out") + " B by port " + text(record, "port_out");
}

std::string record_text(const json::value& page, const json::value& record) {
  const json::array& zones = items(at(page, "zones"));
  const bool from_a = text(record, "side") == "a";
  const auto zone = [&](std::size_t i) { return i < zones.size() ? text(zones[i]) : std::string("-"); };
  const std::string time = text(record, "time");
  // 2026-11-23T14:03:05.123456Z: the day is of no interest here.
  const std::string clock = time.size() == 27 ? time.substr(11, 15) : time;
  std::string line = fmt::format("{} {} {}->{} {}", clock, text(page, "kind"), zone(from_a ? 0 : 1),
                                 zone(from_a ? 1 : 0), text(record, "kind"));
  if (const std::string rtp = rtp_text(record); !rtp.empty()) line += " " + rtp;
  const bool received = at(record, "source").is_string();
  if (received) {
    line += fmt::format(" {} B from {} worker {} port {} queue {}", text(record, "bytes_in"), text(record, "source"),
                        text(page, "worker"), text(record, "port_in"), text(record, "queue_in"));
  }
  for (const char* end : {"rule", "opened", "closed"}) {
    if (at(record, end).is_string()) line += fmt::format(" {} {}", end, text(record, end));
  }
  line += " " + fate_text(record) + " after " + text(record, "took_us") + " us";
  if (const json::value& held = at(record, "held_us"); held.is_number() && held.to_number<double>() > 0) {
    line += " held " + text(held) + " us";
  }
  return harmless(line) + "\n";
}

}  // namespace

Result<std::string> render_trace(std::string_view answer, TraceProgress& progress) {
  const auto page = read(answer);
  if (!page) return forward_error(page);
  std::string out;
  const json::array& records = items(at(*page, "records"));
  for (const json::value& record : records) out += record_text(*page, record);
  progress.more = !records.empty();
  // What goes on from where it was is a page that says so; anything else must not be read for ever.
  progress.next += records.size();
  progress.ended = text(*page, "running") != "yes";
  if (progress.ended) {
    out += harmless(fmt::format("{} record(s), ended by {}, {} lost", progress.next, text(*page, "ended_by"),
                                text(*page, "lost"))) +
           "\n";
  }
  return out;
}

Result<std::string> render_stages(std::string_view answer) {
  const auto stages = read(answer);
  if (!stages) return forward_error(stages);
  const bool measuring = text(*stages, "measuring") == "yes";
  std::string out = measuring ? "Stages are being measured (isthmus stages off ends it).\n"
                              : "Stages are not being measured (isthmus stages on starts it).\n";
  for (const json::value& worker : items(at(*stages, "workers"))) add_worker(out, worker);
  return out;
}

}  // namespace isthmus::cli
