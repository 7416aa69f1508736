
# Boots the root in a container, as often as it wants to.

# systemd wants the version 2 tree alone; where it is mounted beside version 1, hide the others.
[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 none /sys/fs/cgroup
# What systemd-nspawn keeps by machine name, labs of one name must not share.
mkdir -p /run/systemd
mount -t tmpfs lab /run/systemd

export NOTIFY_SOCKET="$state/notify"
# It ends with 133 when the system inside wants to start anew; all that it has written is still there then.
ended=133
while [ "$ended" = 133 ]; do
    ended=0
    systemd-nspawn --quiet --directory="$tree/root" --machine=lab --boot --notify-ready=yes --register=no --keep-unit \
        --link-journal=no --resolv-conf=off --timezone=off --capability=CAP_NET_ADMIN --console=read-only || ended=$?
done
