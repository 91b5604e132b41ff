# The DPDK part is tested here too where it is built; the tests start no EAL with huge pages and need no rights.
set(libs isthmus::dataplane_io_tcp)
if(ISTHMUS_DPDK)
  list(APPEND libs isthmus::dataplane_io_dpdk)
endif()
