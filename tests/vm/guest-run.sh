# Process 1 of the virtual machine after guest-init.sh, or a service of systemd's, in the host's root file system: runs the
# command of the job, with its output and its exit code going to virtio ports, and powers off.

port() { # NAME
  for entry in /sys/class/virtio-ports/*; do
    [ "$(cat "$entry/name")" = "$1" ] && echo "/dev/${entry##*/}"
  done
}

echo /run/job/modprobe >/proc/sys/kernel/modprobe

# What the machine's disk needs is not loaded by the kernel itself.
[ -e /run/job/disk ] && busybox modprobe virtio_blk

# Processes live only in leaves: the root's controllers can be enabled for its children. systemd does that itself.
if [ ! -e /run/job/systemd ]; then
  mkdir /sys/fs/cgroup/init
  echo 1 >/sys/fs/cgroup/init/cgroup.procs
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
    echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
  done
fi

# virtiofsd keeps a descriptor open for each inode that the guest remembers, up to its limit:
# make the guest forget in time.
while sleep 1; do
  while read -r name active _; do
    [ "$name" = fuse_inode ] && [ "$active" -gt 8000 ] && echo 2 >/proc/sys/vm/drop_caches
  done </proc/slabinfo
done 2>/dev/null &

bash /run/job/command </dev/null >"$(port stdout)" 2>"$(port stderr)"
echo "$?" >"$(port status)"
busybox reboot -f
