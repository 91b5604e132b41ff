"""Who may include whom, and where each third-party library lives. Data only; check.py applies it."""

TOP_LEVEL = {
    "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md",
    "dataplane", "controlplane", "codecs", "bench", "tests", "hwconfig",
}

# Left never includes right.
ORDER = {
    "dataplane": "base wire payload contract crypto io session pipeline worker agent capture app".split(),
    "codecs": "catalog h264 audio picture fec engine rdp app".split(),
    "controlplane": ("event_loop config sdp sip resolver ice turn bfcp share routing trust media jobs journal b2bua broker "
                     "cluster status planner rest web cli supervisor app").split(),
}

# What other top-level folders may include.
SHARED = {"dataplane/base", "dataplane/wire", "dataplane/payload", "dataplane/contract", "codecs/catalog"}

# A program of its own that needs nothing but base.
ONLY_BASE = {"controlplane/supervisor"}

# First path element (or whole name) of a third-party include -> folders that may use it. Vocabulary (std, fmt, tl, Asio in the
# control plane) is not listed.
LIBRARIES = {
    r"rte_": ["dataplane/io/dpdk", "dataplane/worker", "dataplane/agent", "bench", "tests/unit/dataplane/io"],
    r"xdp/|bpf/": ["dataplane/io"],
    r"srtp2/": ["dataplane/crypto", "tests", "bench"],
    r"intel-ipsec-mb\.h": ["dataplane/crypto", "bench"],
    r"isa-l": ["dataplane/wire", "codecs/fec", "controlplane/journal"],
    r"libmnl/": ["dataplane/agent"],
    r"sofia-sip/": ["controlplane/sip", "controlplane/sdp", "bench"],
    r"google/protobuf": ["dataplane/contract"],
    r".*\.pb\.h": ["dataplane/contract"],
    r"boost/beast": ["controlplane/rest", "controlplane/cli", "tests"],
    r"boost/json": ["controlplane/rest", "controlplane/cli", "dataplane/contract", "tests", "bench"],
    r"CLI/": ["controlplane/cli", "controlplane/app", "controlplane/supervisor", "dataplane/app", "bench", "tests/peers"],
    r"toml\+\+": ["controlplane/config", "dataplane/app"],
    r"spdlog/": ["dataplane/base"],
    r"re2/": ["controlplane/routing"],
    r"ares": ["controlplane/resolver"],
    r"sqlite3": ["controlplane/config"],
    r"seccomp\.h|sys/capability\.h": ["controlplane/supervisor"],
    r"openssl/": ["controlplane/sip", "controlplane/rest", "dataplane/crypto", "dataplane/wire/stun_integrity.cc", "tests"],
    r"gtest/|gmock/": ["tests"],
    r"benchmark/": ["bench"],
}

MAX_FILE_LINES = 600
MAX_README_LINES = 90
