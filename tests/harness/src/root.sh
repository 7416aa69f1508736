# The first process of a lab's outer namespaces: lays the layers and prepares the root. What boots it follows, from
# container.sh or machine.sh. Every mount made here is seen by nobody outside and goes with the namespaces.
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
