#include "controlplane/routing/pattern.h"

#include <re2/re2.h>

#include <array>
#include <cctype>

namespace isthmus::routing {
namespace {

constexpr int kMaxGroups = 9;  // \1 to \9

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(left[i])) != std::tolower(static_cast<unsigned char>(right[i]))) {
      return false;
    }
  }
  return true;
}

RE2::Options regex_options() {
  RE2::Options options;
  options.set_case_sensitive(false);
  options.set_log_errors(false);
  options.set_max_mem(kMaxPatternMemoryBytes);
  return options;
}

}  // namespace

struct Pattern::Regex {
  explicit Regex(std::string_view text) : re(re2::StringPiece(text.data(), text.size()), regex_options()) {}
  RE2 re;
};

Pattern::Pattern() = default;
Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

Result<Pattern> Pattern::compile(PatternType type, std::string_view pattern, PatternBehaviour behaviour,
                                 std::string_view replacement) {
  if (pattern.empty()) return fail(ErrorKind::kInvalidArgument, "a pattern is needed", "pattern");
  if (pattern.size() > kMaxPatternBytes) return fail(ErrorKind::kInvalidArgument, "the pattern is too long", "pattern");
  if (behaviour == PatternBehaviour::kStrip && type != PatternType::kPrefix && type != PatternType::kSuffix) {
    return fail(ErrorKind::kInvalidArgument, "only a prefix or a suffix can be stripped", "behaviour");
  }
  Pattern compiled;
  compiled.type_ = type;
  compiled.behaviour_ = behaviour;
  compiled.text_ = pattern;
  compiled.replacement_ = replacement;
  if (type != PatternType::kRegex) return compiled;

  auto regex = std::make_unique<Regex>(pattern);
  if (!regex->re.ok()) return fail(ErrorKind::kInvalidArgument, "regex: " + regex->re.error(), "pattern");
  if (behaviour == PatternBehaviour::kReplace) {
    std::string reason;
    if (RE2::MaxSubmatch(compiled.replacement_) > kMaxGroups ||
        !regex->re.CheckRewriteString(compiled.replacement_, &reason)) {
      return fail(ErrorKind::kInvalidArgument, reason.empty() ? "bad group" : reason, "replacement");
    }
  }
  compiled.regex_ = std::move(regex);
  return compiled;
}

std::string Pattern::rewrite(std::string_view alias, std::size_t from, std::size_t count) const {
  std::string result(alias);
  if (behaviour_ == PatternBehaviour::kStrip) result.erase(from, count);
  if (behaviour_ == PatternBehaviour::kReplace) result.replace(from, count, replacement_);
  return result;
}

std::optional<std::string> Pattern::apply(std::string_view alias) const {
  std::string result;
  if (type_ == PatternType::kRegex) {
    std::array<re2::StringPiece, kMaxGroups + 1> groups;
    const re2::StringPiece text(alias.data(), alias.size());
    const int wanted = behaviour_ == PatternBehaviour::kReplace ? regex_->re.NumberOfCapturingGroups() + 1 : 1;
    const int count = std::min(wanted, kMaxGroups + 1);
    if (!regex_->re.Match(text, 0, text.size(), RE2::ANCHOR_BOTH, groups.data(), count)) return std::nullopt;
    if (behaviour_ == PatternBehaviour::kReplace) {
      if (!regex_->re.Rewrite(&result, replacement_, groups.data(), count)) return std::nullopt;
    } else {
      result = alias;
    }
  } else {
    const bool fits = alias.size() >= text_.size();
    const std::size_t from = type_ == PatternType::kSuffix && fits ? alias.size() - text_.size() : 0;
    if (!fits || (type_ == PatternType::kExact && alias.size() != text_.size())) return std::nullopt;
    if (!equal_ignoring_case(alias.substr(from, text_.size()), text_)) return std::nullopt;
    result = rewrite(alias, from, text_.size());
  }
  if (result.empty()) return std::nullopt;
  return result;
}

}  // namespace isthmus::routing
