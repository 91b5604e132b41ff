#pragma once

// Keys of the io modes without a kernel interface (pcap, ring, memif). Private to this folder.

#include "dataplane/app/config.h"
#include "dataplane/app/config_reader.h"

namespace isthmus::app {

/// [dataplane]: when captures come in.
void read_replay(TableReader& reader, Config& config);
/// One [[network]]: its device, our MAC, and the next hops, which no kernel tells. `config` has the networks before it.
void read_off_kernel(TableReader& reader, const Config& config, io::Network& network);

}  // namespace isthmus::app
