#!/bin/sh
# Runs tests in a virtual machine with cgroup v2, whatever this machine has: a fresh Debian, its cloud kernel, no systemd.
#
#   test/qemu/run.sh [COMMAND...]     default: the integration tests of the hosts
#
# Needs root and: apt-get install --no-install-recommends qemu-system-x86 debootstrap
# ACCEL=kvm is fast where /dev/kvm works; the default works everywhere. SUITE and MIRROR choose the Debian; WORK keeps the root folder for the next run (default: a temporary one).
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
command=${*:-vitest run --project integration test/integration/hosts}

if [ -n "${WORK:-}" ]; then
  work=$WORK
  mkdir -p "$work"
else
  work=$(mktemp -d /var/tmp/hivemind-qemu-XXXXXX)
  trap 'rm -rf "$work"' EXIT
fi
root=$work/root

if [ ! -e "$root/done" ]; then
  packages=linux-image-cloud-amd64,docker.io,docker-compose,tini,busybox-static,iproute2,iptables,e2fsprogs,xfsprogs
  packages=$packages,util-linux,curl,jq,python3,python3-venv,procps,kmod,udev,ca-certificates
  debootstrap --variant=minbase --include="$packages" "$suite" "$root" "$mirror"
  touch "$root/done"
fi

# The sources as they are, committed or not, and what npm ci installed.
rm -rf "$root/checkout"
mkdir -p "$root/checkout"
(cd "$top" && git ls-files --cached --others --exclude-standard -z |
  tar --null --ignore-failed-read -T - -cf - 2>/dev/null) | tar -C "$root/checkout" -xf -
cp -a "$top/node_modules" "$root/checkout/node_modules"
# The machine has no network: what the tests would fetch with pip comes along, if it was fetched here.
if [ -d "$top/.hivemind/cache" ]; then
  mkdir -p "$root/checkout/.hivemind"
  cp -a "$top/.hivemind/cache" "$root/checkout/.hivemind/cache"
fi

cat >"$root/init-tests" <<EOF
#!/bin/sh
export PATH=/checkout/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root CI=true
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mountpoint -q /dev || mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -o remount,rw /
for module in loop overlay veth bridge xfs ext4 nf_tables nft_compat xt_comment xt_nat iptable_nat virtio_net; do
  modprobe \$module 2>/dev/null
done
ip link set lo up
cd /checkout
echo "kernel \$(uname -r), cgroup \$(stat -fc %T /sys/fs/cgroup)"
$command
echo "hivemind-tests-ended-with \$?"
sync
echo o >/proc/sysrq-trigger
sleep 60
EOF
chmod 755 "$root/init-tests"

rm -f "$work/disk.img"
truncate -s 12G "$work/disk.img"
mkfs.ext4 -q -d "$root" "$work/disk.img"

qemu-system-x86_64 -accel "${ACCEL:-tcg}" -cpu max -smp 2 -m 4096 -no-reboot -display none -monitor none -serial stdio \
  -kernel "$(ls "$root"/boot/vmlinuz-* | tail -1)" -initrd "$(ls "$root"/boot/initrd.img-* | tail -1)" \
  -drive "file=$work/disk.img,if=virtio,format=raw,cache=unsafe" \
  -append 'root=/dev/vda rw console=ttyS0 quiet panic=1 init=/init-tests' | tee "$work/console.log"

grep -q 'hivemind-tests-ended-with 0' "$work/console.log"
