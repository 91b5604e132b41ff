#pragma once

// Every packet that is not forwarded or consumed is dropped for one of these reasons, and each reason is a counter:
// received = forwarded + consumed + dropped + held.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace isthmus {

/// Order is the order of the pipeline; new ones go where their stage is (the contract carries names, not numbers).
#define ISTHMUS_DROP_REASONS(X)                                                                         \
  X(kHandOverFull, "hand_over_full")              /* came to a wrong worker, the right one is behind */ \
  X(kWrongVlan, "wrong_vlan")                     /* a tag that is not the network's, or none */        \
  X(kNotIp, "not_ip")                             /* neither IPv4 nor IPv6 */                           \
  X(kIpMalformed, "ip_malformed")                 /* lengths that do not fit, IPv4 options */           \
  X(kIpFragment, "ip_fragment")                   /* a fragment has no port to look up */               \
  X(kNotUdp, "not_udp")                           /* the relay's ports speak UDP */                     \
  X(kUdpMalformed, "udp_malformed")               /* UDP length does not fit the IP payload */          \
  X(kNotOurAddress, "not_our_address")            /* no media address of ours */                        \
  X(kNotOurPort, "not_our_port")                  /* outside the pool */                                \
  X(kPortClosed, "port_closed")                   /* in the pool, no endpoint has it */                 \
  X(kPortResting, "port_resting")                 /* freed less than two seconds ago */                 \
  X(kPortOverBudget, "port_over_budget")          /* more packets than a port may take */               \
  X(kWrongSource, "wrong_source")                 /* the endpoint's source rule refuses it */           \
  X(kNotRtp, "not_rtp")                           /* version, length, or a class we do not speak */     \
  X(kRtpMalformed, "rtp_malformed")               /* CSRC, extension or padding past the end */         \
  X(kRtcpMalformed, "rtcp_malformed")             /* compound rules of RFC 3550 broken */               \
  X(kRtpOnRtcpPort, "rtp_on_rtcp_port")           /* no multiplexing was agreed */                      \
  X(kRtcpOnRtpPort, "rtcp_on_rtp_port")           /* no multiplexing was agreed */                      \
  X(kDirectionClosed, "direction_closed")         /* held: this direction is not agreed */              \
  X(kSrtpAuthFailed, "srtp_auth_failed")          /* tag, MKI or length wrong */                        \
  X(kSrtpReplayed, "srtp_replayed")               /* index seen before or older than the window */      \
  X(kSrtpKeyExpired, "srtp_key_expired")          /* RFC 3711 9.2: packet limit reached */              \
  X(kSsrcTableFull, "ssrc_table_full")            /* more SSRCs than a stream may have */               \
  X(kSsrcOutOfRange, "ssrc_out_of_range")         /* not one that the peer announced */                 \
  X(kPayloadTypeUnknown, "payload_type_unknown")  /* not in the answer */                               \
  X(kNalMalformed, "nal_malformed")               /* fragment, aggregate or empty payload */            \
  X(kNalUnsupported, "nal_unsupported")           /* a packet type that was not agreed */               \
  X(kFragmentLost, "fragment_lost")               /* of a NAL unit that had to be whole */              \
  X(kLayerDropped, "layer_dropped")               /* above the temporal layers that are wanted */       \
  X(kAdaptLate, "adapt_late")                     /* overtaken, and its place has been closed */        \
  X(kAdaptFull, "adapt_full")                     /* more packets than one turn may make */             \
  X(kNoFarEndpoint, "no_far_endpoint")            /* the other leg has no address yet */                \
  X(kConsentLost, "consent_lost")                 /* RFC 7675: the peer stopped answering checks */     \
  X(kNoRoute, "no_route")                         /* neighbour or route unknown */                      \
  X(kIndexUsed, "index_used")                     /* late or twice: its SRTP index has gone out */      \
  X(kTooLong, "too_long")                         /* no room for tag or header, or above the MTU */     \
  X(kStunNotExpected, "stun_not_expected")        /* the leg does no ICE, or nobody asked */            \
  X(kStunMalformed, "stun_malformed")             /* an attribute has a size it cannot have */          \
  X(kStunFingerprint, "stun_fingerprint")         /* FINGERPRINT is there and wrong */                  \
  X(kStunUsername, "stun_username")               /* not ours:theirs */                                 \
  X(kStunUnauthenticated, "stun_unauthenticated") /* MESSAGE-INTEGRITY missing or wrong */              \
  X(kPuntBudget, "punt_budget")                   /* the control plane's queue or rate is full */       \
  X(kNoBuffer, "no_buffer")                       /* the io layer had no buffer for a new packet */     \
  X(kTxRefused, "tx_refused")                     /* the driver did not take it */                      \
  X(kTxLost, "tx_lost")                           /* the driver took it, and could not send it */       \
  X(kDriverMissed, "driver_missed")               /* the device's or the kernel's queue was full */     \
  X(kDriverBadFrame, "driver_bad_frame")          /* the device refused it: checksum, length */         \
  X(kDriverNoBuffer, "driver_no_buffer")          /* the driver had no buffer for it */

enum class DropReason : std::uint8_t {
#define ISTHMUS_DROP_ENUMERATOR(enumerator, name) enumerator,
  ISTHMUS_DROP_REASONS(ISTHMUS_DROP_ENUMERATOR)
#undef ISTHMUS_DROP_ENUMERATOR
};

inline constexpr std::string_view kDropReasonNames[] = {
#define ISTHMUS_DROP_NAME(enumerator, name) name,
    ISTHMUS_DROP_REASONS(ISTHMUS_DROP_NAME)
#undef ISTHMUS_DROP_NAME
};

inline constexpr std::size_t kDropReasonCount = sizeof kDropReasonNames / sizeof kDropReasonNames[0];

/// The counter's name in REST and in Prometheus.
constexpr std::string_view to_string(DropReason reason) { return kDropReasonNames[static_cast<std::size_t>(reason)]; }

}  // namespace isthmus
