// The messages of inspection.h to protobuf and back.

#include "contract.pb.h"
#include "dataplane/contract/field_reader.h"
#include "dataplane/contract/wire_form.h"

namespace isthmus::contract {

void to_wire(const StagesRequest& from, pb::StagesRequest& to) {
  if (from.measure) to.set_measure(*from.measure);
}

void to_wire(const StageFigures& from, pb::StageFigures& to) {
  to.set_measuring(from.measuring);
  to.set_cycles_per_second(from.cycles_per_second);
  for (const WorkerStages& worker : from.workers) {
    pb::WorkerStages& made = *to.add_workers();
    made.set_worker(worker.worker);
    for (const StageUse& stage : worker.stages) {
      pb::StageUse& use = *made.add_stages();
      use.set_name(stage.name);
      use.set_cycles(stage.cycles);
      use.set_packets(stage.packets);
      use.set_calls(stage.calls);
    }
  }
}

Result<StagesRequest> from_wire(const pb::StagesRequest& from) {
  StagesRequest to;
  if (from.has_measure()) to.measure = from.measure();
  return to;
}

Result<StageFigures> from_wire(const pb::StageFigures& from) {
  FieldReader read;
  StageFigures to;
  to.measuring = from.measuring();
  to.cycles_per_second = from.cycles_per_second();
  read.count(from.workers_size(), kMaxWorkers, "workers");
  for (int i = 0; read.ok() && i < from.workers_size(); ++i) {
    WorkerStages& worker = to.workers.emplace_back();
    worker.worker = from.workers(i).worker();
    read.count(from.workers(i).stages_size(), kMaxStages, "workers.stages");
    for (int s = 0; read.ok() && s < from.workers(i).stages_size(); ++s) {
      const pb::StageUse& stage = from.workers(i).stages(s);
      StageUse& use = worker.stages.emplace_back();
      read.text(stage.name(), kMaxStageNameBytes, use.name, "workers.stages.name");
      use.cycles = stage.cycles();
      use.packets = stage.packets();
      use.calls = stage.calls();
    }
  }
  return read.result(std::move(to));
}

}  // namespace isthmus::contract
