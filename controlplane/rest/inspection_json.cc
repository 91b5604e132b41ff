// What the data plane shows of its packets' way, as JSON.

#include <boost/json.hpp>

#include "controlplane/rest/json.h"

namespace isthmus::rest {
namespace {

namespace json = boost::json;

json::object stage_object(const contract::StageUse& stage, std::uint64_t cycles_per_second) {
  json::object object{{"stage", stage.name},  {"cycles", stage.cycles},       {"packets", stage.packets},
                      {"calls", stage.calls}, {"cycles_per_packet", nullptr}, {"ns_per_packet", nullptr}};
  if (stage.packets == 0) return object;
  const double cycles = static_cast<double>(stage.cycles) / static_cast<double>(stage.packets);
  object["cycles_per_packet"] = cycles;
  if (cycles_per_second > 0) object["ns_per_packet"] = cycles * 1e9 / static_cast<double>(cycles_per_second);
  return object;
}

}  // namespace

std::string to_json(const contract::StageFigures& figures) {
  json::array workers;
  for (const contract::WorkerStages& worker : figures.workers) {
    json::array stages;
    for (const contract::StageUse& stage : worker.stages) {
      stages.push_back(stage_object(stage, figures.cycles_per_second));
    }
    workers.push_back(json::object{{"worker", worker.worker}, {"stages", std::move(stages)}});
  }
  return json::serialize(json::object{{"measuring", figures.measuring},
                                      {"cycles_per_second", figures.cycles_per_second},
                                      {"workers", std::move(workers)}});
}

}  // namespace isthmus::rest
