#!/bin/busybox sh
# First process of the virtual machine, in the initramfs: puts the host's root file system (shared
# read-only by virtiofs) under a tmpfs, with pure cgroup v2, and hands over to guest-run.sh.
b=/bin/busybox

$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
exec </dev/null >/dev/ttyS0 2>&1

fail() {
  echo "guest-init: $*"
  $b reboot -f
}

for module in virtio_mmio virtio_console virtiofs overlay; do
  $b modprobe $module 2>/dev/null # what is built in has no module
done

# mount_share TAG DIRECTORY: the device of a share may show up later than its driver
mount_share() {
  attempts=0
  until $b mount -t virtiofs -o ro "$1" "$2" 2>/dev/null; do
    attempts=$((attempts + 1))
    [ $attempts -gt 100 ] && fail "no share $1"
    $b usleep 20000
  done
}

# mount_writable TAG DIRECTORY: the share under an overlay whose changes stay in memory
mount_writable() {
  $b mkdir -p /shares/$1 /writes/$1/upper /writes/$1/work "$2"
  mount_share $1 /shares/$1
  $b mount -t overlay -o lowerdir=/shares/$1,upperdir=/writes/$1/upper,workdir=/writes/$1/work \
    $1 "$2" || fail "cannot mount the overlay of $1"
}

$b mount -t tmpfs -o size=70% writes /writes
mount_writable root /root
cd /root || fail "no root"

for directory in dev proc sys; do $b mount --move /$directory $directory; done
$b mkdir -p dev/pts dev/shm
$b mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts dev/pts
$b mount -t tmpfs shm dev/shm
$b ln -sf /proc/self/fd dev/fd
$b ln -sf fd/0 dev/stdin
$b ln -sf fd/1 dev/stdout
$b ln -sf fd/2 dev/stderr
# an overlay's upper directory cannot lie on an overlay, so /tmp and /run are file systems of their own
$b mount -t tmpfs -o mode=755 run run
$b mount -t tmpfs -o mode=1777 tmp tmp
$b mount -t cgroup2 cgroup2 sys/fs/cgroup
$b ip link set lo up

release=$($b uname -r)
$b mkdir -p usr/lib/modules/$release
mount_share modules usr/lib/modules
$b mkdir -p run/job
mount_share job run/job
# the checkout's own file system, where it is not the host's root file system
[ -s run/job/checkout ] && mount_writable checkout "/root$($b cat run/job/checkout)"

if [ -e run/job/systemd ]; then
  # Units of the host's own do not start: the job is all that is wanted.
  $b mkdir -p run/systemd/system
  $b cat >run/systemd/system/job.service <<'EOF'
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/bin/sh /run/job/guest-run.sh
TasksMax=infinity
LimitNOFILE=infinity
EOF
  exec $b switch_root /root /lib/systemd/systemd --unit=job.service --show-status=0
fi
exec $b switch_root /root /bin/sh /run/job/guest-run.sh
