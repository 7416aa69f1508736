# Starts a lab and cleans up after it, whatever ends it: the program that wanted it (which holds our standard input
# open and may be killed), the lab itself, or this shell (then the kernel kills the lab, and the next one sweeps).
# usage: sh keeper.sh STATE CGROUP LAYER...
set -u
state=$1 cgroup=$2
shift 2

mkdir "$cgroup" || exit 1
exec 3<&0 </dev/null

# `exec` to the end, so that the parent death signal reaches the process that holds the lab's namespaces.
enter='echo $$ >"$0/cgroup.procs" && exec "$@"'
sh -c "$enter" "$cgroup" setpriv --pdeathsig KILL \
    unshare --mount --pid --net --uts --ipc --fork --kill-child --mount-proc \
    sh "$state/inside" "$state" "$@" 3<&- &
lab=$!

# The leash: its end is the end of the program.
(read -r _ <&3; kill -KILL "$lab") 2>/dev/null &
leash=$!

trap 'kill -KILL "$lab" 2>/dev/null' TERM INT HUP
wait "$lab"
kill "$leash" 2>/dev/null

# The kernel takes a moment to bury a whole system.
for _ in $(seq 500); do
    find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
    [ -d "$cgroup" ] || break
    sleep 0.01
done
# While the cgroup is there the folder stays, too: by it the next lab finds both.
[ -d "$cgroup" ] && exit
[ -L "$state/disk" ] && rm -rf "$(readlink "$state/disk")"
rm -rf "$state"
