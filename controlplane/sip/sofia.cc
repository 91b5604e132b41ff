#include "controlplane/sip/sofia.h"

#include <array>
#include <cstring>
#include <vector>

#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/su_alloc.h>
#include <sofia-sip/url.h>

namespace isthmus::sip::sofia {

namespace {

/// A writable, terminated copy. The parsers write into what they read and read one byte past the end.
class Copy {
 public:
  explicit Copy(std::string_view text) : size_(text.size()) {
    char* to = small_.data();
    if (size_ + 2 > small_.size()) {
      large_.resize(size_ + 2);
      to = large_.data();
    }
    std::memcpy(to, text.data(), size_);
    to[size_] = to[size_ + 1] = '\0';
    data_ = to;
    // RFC 4475 3.1.1.2: a NUL may stand in a quoted pair. Nobody needs it, and it would end the C string.
    for (std::size_t i = 0; i < size_; ++i) {
      if (to[i] == '\0') to[i] = ' ';
    }
  }
  char* data() { return data_; }
  isize_t size() const { return static_cast<isize_t>(size_); }

 private:
  std::size_t size_;
  char* data_ = nullptr;
  std::array<char, 512> small_;
  std::vector<char> large_;
};

/// The library's allocations for one header, on the stack as long as they fit.
class Home {
 public:
  Home() : home_(su_home_auto(area_.data(), static_cast<isize_t>(sizeof area_))) {}
  ~Home() { su_home_deinit(home_); }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  su_home_t* get() { return home_; }

 private:
  alignas(16) std::array<char, 1024> area_;
  su_home_t* home_;
};

template <typename HeaderType>
bool takes(msg_hclass_t* header_class, std::string_view text) {
  Copy copy(text);
  Home home;
  HeaderType header;
  std::memset(&header, 0, sizeof header);
  auto* const common = reinterpret_cast<sip_common_t*>(&header);
  common->h_class = header_class;
  auto* const generic = reinterpret_cast<msg_header_t*>(&header);
  return header_class->hc_parse(home.get(), generic, copy.data(), copy.size()) >= 0;
}

std::string text_of(const char* text) { return text == nullptr ? std::string() : std::string(text); }

}  // namespace

bool takes_uri(std::string_view text) {
  Copy copy(text);
  url_t url;
  std::memset(&url, 0, sizeof url);
  return url_d(&url, copy.data()) == 0 && url.url_type != url_invalid;
}

bool takes_address(std::string_view text) { return takes<sip_from_t>(sip_from_class, text); }
bool takes_contact(std::string_view text) { return takes<sip_contact_t>(sip_contact_class, text); }
bool takes_route(std::string_view text) { return takes<sip_route_t>(sip_route_class, text); }

bool read_via(std::string_view text, ViaParts& parts) {
  Copy copy(text);
  Home home;
  sip_via_t via;
  std::memset(&via, 0, sizeof via);
  via.v_common->h_class = sip_via_class;
  auto* const generic = reinterpret_cast<msg_header_t*>(&via);
  if (sip_via_class->hc_parse(home.get(), generic, copy.data(), copy.size()) < 0) return false;
  if (via.v_next != nullptr || via.v_protocol == nullptr || via.v_host == nullptr) return false;
  parts.protocol = text_of(via.v_protocol);
  parts.host = text_of(via.v_host);
  parts.port = text_of(via.v_port);
  return true;
}

}  // namespace isthmus::sip::sofia
