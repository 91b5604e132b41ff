#pragma once

// Everything the SIP stack refuses, drops or gives up has a name and a number. One thread writes and reads.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace isthmus::sip {

// X(member, "name in /metrics and logs")
#define ISTHMUS_SIP_COUNTERS(X)                                       \
  X(received_messages, "received_messages")                           \
  X(sent_messages, "sent_messages")                                   \
  X(keep_alives, "keep_alives")                                       \
  X(malformed_answered, "malformed_answered")                         \
  X(malformed_dropped, "malformed_dropped")                           \
  X(oversize_answered, "oversize_answered")                           \
  X(framing_lost, "framing_lost")                                     \
  X(source_rate_dropped, "source_rate_dropped")                       \
  X(source_rate_refused, "source_rate_refused")                       \
  X(all_rate_dropped, "all_rate_dropped")                             \
  X(all_rate_refused, "all_rate_refused")                             \
  X(source_table_full, "source_table_full")                           \
  X(connections_accepted, "connections_accepted")                     \
  X(connections_opened, "connections_opened")                         \
  X(connections_refused_per_source, "connections_refused_per_source") \
  X(connections_refused_total, "connections_refused_total")           \
  X(connect_failed, "connect_failed")                                 \
  X(connect_timed_out, "connect_timed_out")                           \
  X(requests_moved_to_tcp, "requests_moved_to_tcp")                   \
  X(requests_moved_back, "requests_moved_back")                       \
  X(tls_handshakes, "tls_handshakes")                                 \
  X(tls_handshakes_refused, "tls_handshakes_refused")                 \
  X(tls_not_tls, "tls_not_tls")                                       \
  X(tls_version, "tls_version")                                       \
  X(tls_cipher, "tls_cipher")                                         \
  X(tls_no_certificate, "tls_no_certificate")                         \
  X(tls_unknown_ca, "tls_unknown_ca")                                 \
  X(tls_not_valid_now, "tls_not_valid_now")                           \
  X(tls_wrong_name, "tls_wrong_name")                                 \
  X(tls_bad_certificate, "tls_bad_certificate")                       \
  X(tls_peer_refused, "tls_peer_refused")                             \
  X(tls_peer_left, "tls_peer_left")                                   \
  X(tls_timed_out, "tls_timed_out")                                   \
  X(tls_broken, "tls_broken")                                         \
  X(first_request_timed_out, "first_request_timed_out")               \
  X(message_timed_out, "message_timed_out")                           \
  X(idle_timed_out, "idle_timed_out")                                 \
  X(write_queue_full, "write_queue_full")                             \
  X(send_failed, "send_failed")                                       \
  X(response_unroutable, "response_unroutable")                       \
  X(response_via_not_ours, "response_via_not_ours")                   \
  X(response_unmatched, "response_unmatched")                         \
  X(cancel_unmatched, "cancel_unmatched")                             \
  X(ack_absorbed, "ack_absorbed")                                     \
  X(request_retransmissions, "request_retransmissions")               \
  X(response_retransmissions, "response_retransmissions")             \
  X(merged_requests, "merged_requests")                               \
  X(benotify_ignored, "benotify_ignored")                             \
  X(server_transactions_refused, "server_transactions_refused")       \
  X(client_transactions_refused, "client_transactions_refused")       \
  X(client_timed_out, "client_timed_out")                             \
  X(ack_timed_out, "ack_timed_out")

struct Counters {
#define ISTHMUS_SIP_MEMBER(member, text) std::uint64_t member = 0;
  ISTHMUS_SIP_COUNTERS(ISTHMUS_SIP_MEMBER)
#undef ISTHMUS_SIP_MEMBER

  /// Calls `visit(name, value)` for each counter.
  template <typename Visit>
  void for_each(Visit visit) const {
#define ISTHMUS_SIP_VISIT(member, text) visit(std::string_view(text), member);
    ISTHMUS_SIP_COUNTERS(ISTHMUS_SIP_VISIT)
#undef ISTHMUS_SIP_VISIT
  }
};

}  // namespace isthmus::sip
