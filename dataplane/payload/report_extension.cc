#include "dataplane/payload/report_extension.h"

namespace isthmus::payload {
namespace {

constexpr std::size_t kHeaderBytes = 4;

}  // namespace

bool ReportExtensionReader::next(ReportExtension& extension) {
  if (count_ == kMaxReportExtensions || rest_.size() < kHeaderBytes) return false;
  const std::size_t bytes = load_be16(rest_.data() + 2);
  if (bytes < kHeaderBytes || bytes > rest_.size()) return false;
  extension.type = static_cast<ReportExtensionType>(load_be16(rest_.data()));
  extension.information = rest_.subspan(kHeaderBytes, bytes - kHeaderBytes);
  rest_ = rest_.subspan(bytes);
  ++count_;
  return true;
}

std::optional<EstimatedBandwidth> read_estimated_bandwidth(const ReportExtension& extension) {
  if (extension.type != ReportExtensionType::kEstimatedBandwidth || extension.information.size() < 8) {
    return std::nullopt;
  }
  const std::uint32_t value = load_be32(extension.information.data() + 4);
  if (value > 0x7fffffffU) return std::nullopt;
  return EstimatedBandwidth{load_be32(extension.information.data()), value};
}

}  // namespace isthmus::payload
