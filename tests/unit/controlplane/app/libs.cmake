set(libs isthmus::dataplane_contract Boost::json)
