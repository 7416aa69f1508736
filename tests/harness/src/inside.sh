# The first process of a lab's outer namespaces: lays the layers, prepares the root, boots it, as often as it wants to.
# Every mount made here is seen by nobody outside and goes with the namespaces.
# usage: sh inside STATE LAYER...        (the uppermost layer first)
set -eu
state=$1
shift

tree=$state/tree
mount -t tmpfs -o mode=0755 lab "$tree"
mkdir "$tree/upper" "$tree/work" "$tree/root"
count=0 layers=
for layer; do
    # Under names of our own: the option below could not hold any path.
    count=$((count + 1))
    mkdir "$tree/layer$count"
    mount --bind "$layer" "$tree/layer$count"
    layers=${layers:+$layers:}$tree/layer$count
done
mount -t overlay -o "lowerdir=$layers,upperdir=$tree/upper,workdir=$tree/work" lab "$tree/root"

# Folders that lie on this machine's disk; all else is memory.
while read -r folder; do
    mkdir -p "$tree/root$folder"
    mount --bind "$state/disk$folder" "$tree/root$folder"
done <"$state/seed/disks"

cp -a "$state/seed/root/." "$tree/root/"
cp "$state/seed/prepare" "$tree/root/prepare"
chroot "$tree/root" /bin/sh /prepare
rm "$tree/root/prepare"

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
