#include "controlplane/cli/run.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <ostream>
#include <vector>

#include "controlplane/cli/render.h"

namespace isthmus::cli {
namespace {

std::string percent_encode(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
        c == '_' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kDigits[octet >> 4U];
      out += kDigits[octet & 0xfU];
    }
  }
  return out;
}

std::string target_of(const Command& command) {
  switch (command.verb) {
    case Verb::kStatus: return "/api/v1/status";
    case Verb::kCalls: return command.ended ? "/api/v1/calls?ended=true" : "/api/v1/calls?limit=1000";
    case Verb::kCall:
    case Verb::kHangup: return "/api/v1/calls/" + percent_encode(command.call_id);
    case Verb::kRouteTest:
      return "/api/v1/route-test?uri=" + percent_encode(command.uri) +
             (command.from.empty() ? "" : "&from=" + percent_encode(command.from));
    case Verb::kTrace: return "/api/v1/calls/" + percent_encode(command.call_id) + "/trace";
    case Verb::kStages:
      return std::string("/api/v1/dataplane/stages") + (!command.measure   ? ""
                                                        : *command.measure ? "?measure=true"
                                                                           : "?measure=false");
  }
  return "/";
}

/// One look: the text to print, or an exit code after a message.
class Look {
 public:
  Look(const Command& command, const Surroundings& around) : command_(command), around_(around) {}

  int exit_code() const { return exit_code_; }

  Result<std::string> take() {
    if (command_.verb == Verb::kCalls) return take_calls();
    const auto answer = ask(method(), target_of(command_));
    if (!answer) return forward_error(answer);
    if (command_.json) return *answer + "\n";
    switch (command_.verb) {
      case Verb::kStatus: return render_status(*answer);
      case Verb::kCall: return render_call(*answer);
      case Verb::kRouteTest: return render_route(*answer);
      case Verb::kStages: return render_stages(*answer);
      default: return "Call " + command_.call_id + " is being ended.\n";
    }
  }

  /// Starts a trace and prints what comes until it ends by itself, or the watching ends.
  Result<void> follow_trace() {
    const std::string target = target_of(command_);
    const auto started = ask("POST", target + "?stream=" + percent_encode(command_.stream) +
                                         (command_.side.empty() ? "" : "&side=" + command_.side) +
                                         "&packets=" + std::to_string(command_.packets) +
                                         "&seconds=" + std::to_string(command_.seconds));
    if (!started) return forward_error(started);
    TraceProgress progress;
    // Once a second, and twice as long as it may run: a gateway that never ends it holds nobody.
    for (int look = 0; look < static_cast<int>(kMaxPages) + 2 * command_.seconds; ++look) {
      const auto page = ask("GET", target + "?from=" + std::to_string(progress.next));
      if (!page) return forward_error(page);
      const auto text = render_trace(*page, progress);
      if (!text) return forward_error(text);
      around_.out << (command_.json ? *page + "\n" : *text) << std::flush;
      if (progress.ended) break;
      if (!progress.more && !around_.wait(std::chrono::seconds(1))) break;
    }
    const auto stopped = ask("DELETE", target);
    if (!stopped) return forward_error(stopped);
    return {};
  }

 private:
  std::string_view method() const {
    if (command_.verb == Verb::kHangup) return "DELETE";
    return command_.verb == Verb::kStages && command_.measure ? "PUT" : "GET";
  }

  Result<std::string> ask(std::string_view method, const std::string& target) {
    auto answer = around_.ask(method, target);
    if (!answer) {
      exit_code_ = kExitUnreachable;
      return fail(answer.error().kind, unreachable_text(command_, answer.error()));
    }
    if (answer->status / 100 == 2) return std::move(answer->body);
    exit_code_ = kExitRefused;
    std::string text = render_problem(answer->status, answer->body);
    if (answer->status == 401) text += " (token file: " + command_.token_file + ", another one: --token-file)";
    return fail(ErrorKind::kDenied, text);
  }

  Result<std::string> take_calls() {
    std::vector<std::string> pages;
    std::string cursor;
    do {
      auto page = ask("GET", target_of(command_) + (cursor.empty() ? "" : "&cursor=" + percent_encode(cursor)));
      if (!page) return page;
      auto next = next_cursor_of(*page);
      if (!next) return next;
      cursor = *next;
      pages.push_back(std::move(*page));
    } while (!cursor.empty() && pages.size() < kMaxPages);
    if (!command_.json) return command_.ended ? render_ended_calls(pages) : render_calls(pages);
    std::string out;
    for (const std::string& page : pages) out += page + "\n";
    return out;
  }

  const Command& command_;
  const Surroundings& around_;
  int exit_code_ = kExitRefused;
};

}  // namespace

std::string unreachable_text(const Command& command, const Error& error) {
  return "no gateway answers at " + command.url + " (" + error.message +
         "). Start it with hwconfig/up, or say where it is with --url";
}

Result<std::string> read_token(const std::string& path) {
  std::ifstream file(path);
  std::string token;
  if (!file || !std::getline(file, token) || token.empty()) {
    const int code = errno;
    return fail(ErrorKind::kUnavailable,
                "cannot read the token from " + path + (code != 0 ? std::string(": ") + std::strerror(code) : "") +
                    ". The gateway makes it at its first start; read it as root or name the file with --token-file");
  }
  return token;
}

int run(const Command& command, const Surroundings& around) {
  Look look(command, around);
  if (command.verb == Verb::kTrace) {
    const Result<void> done = look.follow_trace();
    if (!done) around.err << "isthmus: " << done.error().message << "\n";
    return done ? kExitDone : look.exit_code();
  }
  do {
    const Result<std::string> text = look.take();
    if (!text) {
      around.err << "isthmus: " << text.error().message << "\n";
      return look.exit_code();
    }
    // Home and clear, so that the next look takes the place of the last one.
    if (command.watch && !command.json) around.out << "\x1b[H\x1b[J";
    around.out << *text << std::flush;
  } while (command.watch && around.wait(command.interval));
  return kExitDone;
}

}  // namespace isthmus::cli
