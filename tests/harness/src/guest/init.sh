#!/bin/busybox sh
# The first process of a guest: brings up what its root is on, lays memory over it, and lets systemd go on.
# The modules are in the order in which they need each other.
PATH=/bin
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys

while read -r module; do
    insmod "/modules/$module" || echo "guest: $module cannot be loaded"
done </modules/order

ifconfig lo 127.0.0.1 up
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up

mount -t erofs -o ro /dev/vda /low
mount -t tmpfs -o mode=0755,size=75% lab /memory
mkdir /memory/upper /memory/work
tar -x -f /dev/vdb -C /memory/upper
mount -t overlay -o lowerdir=/low,upperdir=/memory/upper,workdir=/memory/work lab /root
for folder in dev proc sys; do
    mount --move "/$folder" "/root/$folder"
done
exec switch_root /root /sbin/init
