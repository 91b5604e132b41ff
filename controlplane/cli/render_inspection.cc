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

}  // namespace

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
