#pragma once

// An Io with media over TCP beside it: what comes over TCP looks like any other frame, with made-up headers and
// kTcpPort as its port; frames that leave by kTcpPort go to the connections.

#include <cstdint>

#include "dataplane/io/io.h"
#include "dataplane/io/tcp/tcp_media.h"

namespace isthmus::io::tcp {

/// One worker's; on its thread, but for counters().
class TcpIo final : public Io {
 public:
  static constexpr std::size_t kFramesATurn = 16;  ///< from TCP, before the other packets: neither starves the other

  TcpIo(Io& below, TcpMedia& media, std::size_t worker) : below_(below), media_(media), rings_(media.rings(worker)) {}

  void receive(Burst& burst) override;
  std::size_t send(Burst& burst) override;
  SentForOthers send_for_others() override { return below_.send_for_others(); }
  void release(const Frame& frame) override { below_.release(frame); }
  Frame allocate() override { return below_.allocate(); }
  IoCounters counters() const override { return below_.counters(); }
  std::uint64_t ports_with_sums() const override { return below_.ports_with_sums(); }
  void attach_thread() override { below_.attach_thread(); }

 private:
  bool give(const Frame& frame);

  Io& below_;
  TcpMedia& media_;
  Rings& rings_;
  Packet packet_;
};

}  // namespace isthmus::io::tcp
