include(${CMAKE_SOURCE_DIR}/tests/support/pipeline/relay.cmake)
set(libs isthmus_test_relay)
