#include "dataplane/contract/checks.h"

namespace isthmus::contract {

Status check(const StageFigures& figures) {
  if (figures.workers.size() > kMaxWorkers) return refuse("workers", "has more than 32 entries");
  for (const WorkerStages& worker : figures.workers) {
    if (worker.stages.size() > kMaxStages) return refuse("workers.stages", "has more than 24 entries");
    for (const StageUse& stage : worker.stages) {
      if (!is_name(stage.name, kMaxStageNameBytes)) return refuse("workers.stages.name", "is no name");
    }
  }
  return {};
}

}  // namespace isthmus::contract
