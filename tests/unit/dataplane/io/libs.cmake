# The DPDK part is tested here too where it is built; the tests start no EAL with huge pages and need no rights.
if(ISTHMUS_DPDK)
  set(libs isthmus::dataplane_io_dpdk)
endif()
