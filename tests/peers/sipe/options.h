#pragma once

#include <string>

namespace isthmus::sipe_client {

/// From the command line; main.cc explains each.
struct Options {
  std::string user;
  std::string server;
  std::string transport = "tls";
  std::string encryption = "required";
  std::string home;
  std::string trusted;
  std::string codecs;
  std::string film;
  std::string film_size = "640x360";
  int frames_per_s = 15;
  double tone_hz = 440;
  int tone_samples_per_s = 0;  ///< 0: as the codec of the call wants
  std::string recording;
  std::string user_agent = "UCCAPI/15.0.4420.1017 OC/15.0.4420.1017 (Microsoft Lync)";
  int accept_ms = 500;
  bool accept_questions = false;
  bool debug = false;
};

}  // namespace isthmus::sipe_client
