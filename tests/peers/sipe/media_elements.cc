#include "tests/peers/sipe/media_elements.h"

#include <gst/gst.h>
#include <media-gst.h>
#include <mediamanager.h>
#include <purple.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>

#include "tests/peers/sipe/report.h"

namespace isthmus::sipe_client {
namespace {

Options settings;
std::mutex guard;            // of all below: libpurple's thread asks, GStreamer's threads receive
std::string wanted_picture;  // path, or empty
long received_pictures = 0;
bool first_is_due = true;

GstElement* bin(const std::string& description) {
  GError* error = nullptr;
  GstElement* made = gst_parse_bin_from_description(description.c_str(), TRUE, &error);
  if (error != nullptr) {
    report("gstreamer", {{"error", text(error->message)}, {"in", description}});
    g_error_free(error);
  }
  return made;
}

GstElement* tone_source(PurpleMediaElementInfo*, PurpleMedia*, const gchar*, const gchar*) {
  // With the default of 1024 samples a buffer packets would be 120 ms and uneven.
  std::string source = "audiotestsrc is-live=true samplesperbuffer=160 freq=" + std::to_string(settings.tone_hz);
  // Where the rate is agreed anew with the call's codec, the source counts its samples of before at the new rate, and
  // is silent until its clock has caught up.
  if (settings.tone_samples_per_s > 0) {
    source += " ! capsfilter caps=audio/x-raw,rate=" + std::to_string(settings.tone_samples_per_s) + ",channels=1";
  }
  return bin(source);
}

GstElement* sound_sink(PurpleMediaElementInfo*, PurpleMedia*, const gchar*, const gchar*) {
  if (settings.recording.empty()) return bin("fakesink sync=false async=false");
  return bin(
      "queue ! audioconvert ! audioresample ! capsfilter caps=\"audio/x-raw,format=S16LE,rate=8000,channels=1\" ! "
      "filesink buffer-mode=2 append=true sync=false async=false location=\"" +
      settings.recording + '"');
}

/// Decoded frames out of ffmpeg's pipe take the place of a live test source's, which keeps time.
GstPadProbeReturn replace_frame(GstPad*, GstPadProbeInfo* info, gpointer data) {
  auto* pipe = static_cast<std::FILE*>(data);
  GstBuffer* shape = GST_PAD_PROBE_INFO_BUFFER(info);
  const gsize size = gst_buffer_get_size(shape);
  GstBuffer* frame = gst_buffer_new_allocate(nullptr, size, nullptr);
  GstMapInfo map;
  if (gst_buffer_map(frame, &map, GST_MAP_WRITE) == FALSE) {
    gst_buffer_unref(frame);
    return GST_PAD_PROBE_OK;
  }
  const bool whole = std::fread(map.data, 1, size, pipe) == size;
  gst_buffer_unmap(frame, &map);
  if (!whole) {
    gst_buffer_unref(frame);
    return GST_PAD_PROBE_OK;
  }
  gst_buffer_copy_into(frame, shape,
                       static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS), 0, size);
  gst_buffer_unref(shape);
  GST_PAD_PROBE_INFO_DATA(info) = frame;
  return GST_PAD_PROBE_OK;
}

std::string film_caps() {
  const std::size_t by = settings.film_size.find('x');
  return "video/x-raw,format=I420,width=" + settings.film_size.substr(0, by) +
         ",height=" + settings.film_size.substr(by + 1) + ",framerate=" + std::to_string(settings.frames_per_s) + "/1";
}

void close_pipe(gpointer pipe) { pclose(static_cast<std::FILE*>(pipe)); }

GstElement* picture_source(PurpleMediaElementInfo*, PurpleMedia*, const gchar*, const gchar*) {
  GstElement* made = bin("videotestsrc is-live=true ! capsfilter name=frames caps=\"" + film_caps() + '"');
  if (settings.film.empty() || made == nullptr) return made;
  // ffmpeg starts at the first frame; it is read a frame at a time and so goes no faster than the source.
  std::FILE* pipe = popen(("exec ffmpeg -nostdin -loglevel error -stream_loop -1 -i '" + settings.film +
                           "' -f rawvideo -pix_fmt yuv420p - </dev/null")
                              .c_str(),
                          "re");
  GstElement* frames = gst_bin_get_by_name(GST_BIN(made), "frames");
  GstPad* pad = gst_element_get_static_pad(frames, "src");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, replace_frame, pipe, close_pipe);
  gst_object_unref(pad);
  gst_object_unref(frames);
  return made;
}

void write_picture(const std::string& path, const GstMapInfo& map, int width, int height) {
  // Under its name only when whole: its reader waits for the file to be there.
  const std::string partial = path + ".part";
  std::FILE* file = std::fopen(partial.c_str(), "wb");
  if (file == nullptr) return report("picture", {{"error", "cannot write " + path}});
  std::fprintf(file, "YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C420jpeg\nFRAME\n", width, height, settings.frames_per_s);
  std::fwrite(map.data, 1, map.size, file);
  std::fclose(file);
  std::rename(partial.c_str(), path.c_str());
  report("picture", {{"path", path}, {"width", static_cast<long>(width)}, {"height", static_cast<long>(height)}});
}

void on_picture(GstElement*, GstBuffer* buffer, GstPad* pad, gpointer) {
  int width = 0;
  int height = 0;
  if (GstCaps* caps = gst_pad_get_current_caps(pad); caps != nullptr) {
    const GstStructure* structure = gst_caps_get_structure(caps, 0);
    gst_structure_get_int(structure, "width", &width);
    gst_structure_get_int(structure, "height", &height);
    gst_caps_unref(caps);
  }
  std::string path;
  bool first = false;
  {
    const std::lock_guard hold(guard);
    ++received_pictures;
    first = std::exchange(first_is_due, false);
    path = std::exchange(wanted_picture, {});
  }
  if (first) report("first_picture", {{"width", static_cast<long>(width)}, {"height", static_cast<long>(height)}});
  if (path.empty()) return;
  GstMapInfo map;
  if (gst_buffer_map(buffer, &map, GST_MAP_READ) == FALSE) return;
  write_picture(path, map, width, height);
  gst_buffer_unmap(buffer, &map);
}

GstElement* picture_sink(PurpleMediaElementInfo*, PurpleMedia*, const gchar*, const gchar*) {
  GstElement* made =
      bin("queue ! videoconvert ! capsfilter caps=\"video/x-raw,format=I420\" ! "
          "fakesink name=pictures signal-handoffs=true sync=false async=false");
  GstElement* sink = gst_bin_get_by_name(GST_BIN(made), "pictures");
  g_signal_connect(sink, "handoff", G_CALLBACK(on_picture), nullptr);
  gst_object_unref(sink);
  return made;
}

void set_element(const char* id, int type,
                 GstElement* (*make)(PurpleMediaElementInfo*, PurpleMedia*, const gchar*, const gchar*)) {
  auto* element = static_cast<PurpleMediaElementInfo*>(
      g_object_new(PURPLE_TYPE_MEDIA_ELEMENT_INFO, "id", id, "name", id, "type", type, "create-cb", make, nullptr));
  purple_media_manager_set_active_element(purple_media_manager_get(), element);
}

}  // namespace

void set_media_elements(const Options& options) {
  settings = options;
  // libpurple would scale what is sent down to 352x288. It keeps the reference.
  purple_media_manager_set_video_caps(purple_media_manager_get(), gst_caps_from_string(film_caps().c_str()));
  constexpr int kSource = PURPLE_MEDIA_ELEMENT_SRC | PURPLE_MEDIA_ELEMENT_ONE_SRC | PURPLE_MEDIA_ELEMENT_UNIQUE;
  constexpr int kSink = PURPLE_MEDIA_ELEMENT_SINK | PURPLE_MEDIA_ELEMENT_ONE_SINK;
  set_element("tone", PURPLE_MEDIA_ELEMENT_AUDIO | kSource, tone_source);
  set_element("sound", PURPLE_MEDIA_ELEMENT_AUDIO | kSink, sound_sink);
  set_element("film", PURPLE_MEDIA_ELEMENT_VIDEO | kSource, picture_source);
  set_element("pictures", PURPLE_MEDIA_ELEMENT_VIDEO | kSink, picture_sink);
}

void keep_picture(const std::string& path) {
  const std::lock_guard hold(guard);
  wanted_picture = path;
}

long pictures() {
  const std::lock_guard hold(guard);
  return received_pictures;
}

void expect_first_picture() {
  const std::lock_guard hold(guard);
  first_is_due = true;
}

}  // namespace isthmus::sipe_client
