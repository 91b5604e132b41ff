# Names and small functions that up and down share. Sourced, not run.

# shellcheck disable=SC2034
readonly gateway_namespace=isthmus-gw left_namespace=isthmus-left right_namespace=isthmus-right
readonly namespaces=("$gateway_namespace" "$left_namespace" "$right_namespace")
readonly users=(isthmus-dataplane isthmus-controlplane)
readonly run=/run/isthmus          # sockets, process ids, configuration, log: gone after a reboot
readonly state=/var/lib/isthmus    # token, demo media, what the last call left, what `up` made
readonly made=$state/made          # one file for each thing that `up` made and `down` takes away
readonly programs=(isthmus-supervisor isthmus-dataplane isthmus-controlplane isthmus)
readonly peers=(isthmus-sipe-client)  # of the demonstration call; stays in the build folder
readonly pid_file=$run/supervisor.pid

began=$SECONDS
step() { printf '[%4d s] %s\n' $((SECONDS - began)) "$*"; }

need_root() {
  if [ "$(id -u)" -ne 0 ]; then
    echo "$0 makes network namespaces and users: run it as root" >&2
    exit 1
  fi
}

in_namespace() { # in_namespace NAME COMMAND...
  local name=$1
  shift
  nsenter --net="/run/netns/$name" "$@"
}

supervisor_pid() { # prints the id of our running supervisor, or nothing
  local pid
  pid=$(cat "$pid_file" 2>/dev/null) || return 0
  case "$(readlink "/proc/$pid/exe" 2>/dev/null)" in
    */isthmus-supervisor|*/isthmus-supervisor\ \(deleted\)) echo "$pid" ;;
  esac
}

end_process() { # end_process PID SECONDS: asks, waits, then kills
  local pid=$1 tenths=$(($2 * 10))
  kill -TERM "$pid" 2>/dev/null || return 0
  while [ "$tenths" -gt 0 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; tenths=$((tenths - 1)); done
  kill -KILL "$pid" 2>/dev/null || true
}

end_in_namespaces() { # whatever still runs in our own namespaces, by its id
  local namespace pid
  for namespace in "${namespaces[@]}"; do
    [ -e "/run/netns/$namespace" ] || continue
    for pid in $(ip netns pids "$namespace"); do end_process "$pid" 5; done
  done
}

install_programs() { # to where the users of the planes can start them: a clone may be in a folder of root alone
  install -d -m 755 "$state/bin"
  local name
  for name in "${programs[@]}"; do install -m 755 "build/release/bin/$name" "$state/bin/$name"; done
}

stop_gateway() {
  local pid
  pid=$(supervisor_pid)
  if [ -n "$pid" ]; then end_process "$pid" 20; fi
  rm -f "$pid_file"
  end_in_namespaces
}
