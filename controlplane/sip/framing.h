#pragma once

// Messages out of a stream of bytes (RFC 3261 18.3, 7.5; keep-alive of RFC 5626 3.5.1), whatever pieces they come in.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "controlplane/sip/limits.h"
#include "controlplane/sip/parser.h"

namespace isthmus::sip {

/// What next() cut off. `bytes` holds until the next call of the framer.
struct Cut {
  enum class Kind : std::uint8_t {
    kNeedMore,  ///< Nothing whole.
    kMessage,   ///< One message; well-formed or not is the parser's business.
    kPing,      ///< CRLF CRLF between messages: the peer wants one CRLF back.
    kOversize,  ///< `bytes` is the head of a message whose body is too long; the body is thrown away as it comes.
    kBroken,    ///< Nobody can say where the next message starts: close. `bytes` is the head so far as it can be
                ///< answered.
  };
  Kind kind = Kind::kNeedMore;
  std::string_view bytes{};
  Refusal refusal{};  ///< with kOversize and kBroken
};

/// One connection's. One thread.
class StreamFramer {
 public:
  void append(std::string_view bytes);
  /// To be called until it says kNeedMore or kBroken.
  Cut next();

  /// A message has begun and is not whole: its time-out runs.
  bool is_inside_message() const { return skip_ > 0 || buffer_.size() - start_ > line_ends(); }
  std::size_t buffered() const { return buffer_.size() - start_; }

 private:
  std::string_view rest() const { return std::string_view(buffer_).substr(start_); }
  std::size_t line_ends() const;
  void consume(std::size_t bytes);
  Cut broken(std::uint16_t status, const char* detail, std::string_view head);
  Cut check_unfinished_head();
  /// Sets body_ from the head; a Cut of kind kBroken if that is not possible.
  Cut read_head();

  std::string buffer_;
  std::size_t start_ = 0;    // of what is not consumed
  std::size_t scanned_ = 0;  // from start_: no end of the head before this
  std::size_t head_ = 0;     // size of the head, 0: not known yet
  std::size_t body_ = 0;     // of the message whose head is known
  std::size_t skip_ = 0;     // of a body that is thrown away
  bool start_line_seen_ = false;
  bool broken_ = false;
};

}  // namespace isthmus::sip
