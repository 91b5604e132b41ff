# bench_micro_hot_lines: the packet path with a call in front of each load and store, which clang alone can make. Its object
# files are compiled by clang++-19 whatever the build's compiler is, and linked with libraries of the build.
add_custom_target(bench_only)  # what bench/run alone builds
find_program(ISTHMUS_TRACING_COMPILER clang++-19)
if(NOT ISTHMUS_TRACING_COMPILER OR ISTHMUS_SANITIZE OR ISTHMUS_COVERAGE)
  message(STATUS "No clang++-19, or an instrumented build: micro.session.hot_lines is not measured")
  return()
endif()
set(hot_flags -std=c++20 -O2 -fPIE -msse4.2 -maes -mpclmul -mpopcnt -I${CMAKE_SOURCE_DIR} -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=
              -DFMT_SHARED -DSPDLOG_COMPILED_LIB -DSPDLOG_FMT_EXTERNAL -DSPDLOG_SHARED_LIB -fno-builtin-memcpy)
# Accesses of more than 16 bytes have no callback.
set(hot_traced -fno-vectorize -fno-slp-vectorize -fsanitize-coverage=func,trace-pc-guard,trace-loads,trace-stores)
file(GLOB hot_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/dataplane/session/*.cc ${CMAKE_SOURCE_DIR}/dataplane/pipeline/*.cc
                                        ${CMAKE_SOURCE_DIR}/dataplane/crypto/*.cc)
list(APPEND hot_sources ${CMAKE_SOURCE_DIR}/tests/support/pipeline/relay_bench.cc ${CMAKE_CURRENT_SOURCE_DIR}/load.cc
                        ${CMAKE_CURRENT_SOURCE_DIR}/hot_lines.cc)
set(hot_objects)
foreach(source IN LISTS hot_sources)
  file(RELATIVE_PATH name ${CMAKE_SOURCE_DIR} ${source})
  string(REPLACE "/" "_" name ${name})
  set(object ${CMAKE_CURRENT_BINARY_DIR}/hot_lines/${name}.o)
  set(traced)
  if(source MATCHES "/dataplane/")
    set(traced ${hot_traced})
  endif()
  # The library depends on what has to be generated first.
  add_custom_command(OUTPUT ${object} DEPENDS ${source} isthmus_dataplane_session DEPFILE ${object}.d VERBATIM
                     COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/hot_lines
                     COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${ISTHMUS_TRACING_COMPILER} ${hot_flags} ${traced} -MD -MF ${object}.d
                             -c ${source} -o ${object})
  list(APPEND hot_objects ${object})
endforeach()
set(pipeline_run _ZN7isthmus8pipeline8Pipeline3runERNS_2io5BurstERKNS_7session4TimeE)
add_executable(bench_micro_hot_lines EXCLUDE_FROM_ALL ${hot_objects})
set_target_properties(bench_micro_hot_lines PROPERTIES LINKER_LANGUAGE CXX RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
target_link_options(bench_micro_hot_lines PRIVATE -Wl,--wrap=memcpy,--wrap=init_mb_mgr_sse,--wrap=${pipeline_run})
target_link_libraries(bench_micro_hot_lines PRIVATE isthmus::dataplane_io isthmus::dataplane_contract isthmus::dataplane_payload
                      isthmus::dataplane_wire isthmus::dataplane_base PkgConfig::SRTP2 OpenSSL::Crypto ${IPSEC_MB})
add_dependencies(bench_only bench_micro_hot_lines)
