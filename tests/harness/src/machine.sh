
# Boots the root in a machine that is all software, with a kernel of its own. Its second serial line says when it is up.

# The loopback device of these namespaces: on it are the machine's doors, port 22 and the harness's own.
busybox ifconfig lo 127.0.0.1 up
mkfifo "$state/up"
(read -r _ <"$state/up" && NOTIFY_SOCKET="$state/notify" exec systemd-notify --ready --no-block) &

# What lies over the base, the lowest first: the machine unpacks it into its memory.
tar -cf "$tree/changes" --files-from /dev/null
while [ $((count = count - 1)) -gt 0 ]; do
    tar -C "$tree/layer$count" -rf "$tree/changes" .
done
tar -C "$tree/upper" -rf "$tree/changes" .

qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none \
    -machine pc -accel tcg -cpu qemu64 -smp 1 -m 1024 \
    -kernel "$state/kernel/vmlinux" -initrd "$state/kernel/initramfs" -append "$(cat "$state/seed/append")" \
    -serial stdio -serial "file:$state/up" \
    -drive "if=virtio,format=raw,readonly=on,file=$state/image/base" \
    -drive "if=virtio,format=raw,readonly=on,file=$tree/changes" \
    -netdev "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:22-:22,hostfwd=tcp:127.0.0.1:2222-:2222" \
    -device virtio-net-pci,romfile=,netdev=net </dev/null
