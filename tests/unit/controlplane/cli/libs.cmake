set(libs isthmus::controlplane_rest)
