# Bench of one worker for tests, fuzzers and benches of the pipeline and of what stands on it: target isthmus_test_relay.
if(NOT TARGET isthmus_test_relay)
  add_library(isthmus_test_relay STATIC ${CMAKE_CURRENT_LIST_DIR}/relay_bench.cc)
  target_link_libraries(isthmus_test_relay PUBLIC isthmus::dataplane_pipeline isthmus::dataplane_session isthmus::dataplane_crypto)
endif()
