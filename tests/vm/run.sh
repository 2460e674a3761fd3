#!/usr/bin/env bash
# run.sh [options] -- COMMAND [ARGUMENT...]
#
# Runs a command in a virtual machine with a Debian kernel and pure cgroup v2, in the current
# directory. The machine is emulated by QEMU without KVM; its root file system is the host's,
# shared read-only under a tmpfs, so that what the command changes is gone afterwards. Standard
# output, standard error and the exit code come back; standard input is empty. Needs root.
#
#   --timeout SECONDS   end the machine after this time, with exit code 124 (default 1200)
#   --memory MB         memory of the machine (default 3072)
#   --env NAME=VALUE    one more environment variable; may be repeated
#   --cpus COUNT        processors of the machine (default 1)
#   --disk MB           an empty disk as /dev/vda
#   --systemd           with systemd as process 1; the command runs as a service
#   --console           show the kernel's messages on standard error
#
# Environment: WARREN_VM_CACHE (where kernels are kept, default ~/.cache/warren-vm),
# WARREN_VM_KERNEL (the Debian package to boot). Exit code 125: the machine did not run the command.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cache=${WARREN_VM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/warren-vm}
timeout=1200 memory=3072 cpus=1 disk=0 console=0 systemd=0
environment=()

fail() {
  echo "vm: $*" >&2
  exit 125
}

while [ $# -gt 0 ]; do
  case $1 in
    --timeout) timeout=$2 && shift 2 ;;
    --memory) memory=$2 && shift 2 ;;
    --cpus) cpus=$2 && shift 2 ;;
    --env) environment+=("$2") && shift 2 ;;
    --disk) disk=$2 && shift 2 ;;
    --systemd) systemd=1 && shift ;;
    --console) console=1 && shift ;;
    --) shift && break ;;
    *) fail "unknown option $1" ;;
  esac
done
[ $# -gt 0 ] || fail "no command"
[ "$(id -u)" = 0 ] || fail "sharing the root file system needs root"
for tool in qemu-system-x86_64 busybox cpio zstd; do
  command -v $tool >/dev/null || fail "$tool is missing (see the packages in .ci/run)"
done
virtiofsd=
for candidate in /usr/lib/qemu/virtiofsd /usr/libexec/virtiofsd; do
  [ -x $candidate ] && virtiofsd=$candidate
done
[ -n "$virtiofsd" ] || fail "virtiofsd is missing (see the packages in .ci/run)"

kernel=$("$here/kernel.sh" "$cache") || fail "no kernel"

work=$(mktemp -d "${TMPDIR:-/tmp}/warren-vm.XXXXXX")
children=()
clean_up() {
  local pid
  for pid in "${children[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

write_job() { # COMMAND [ARGUMENT...]
  local variable
  mkdir "$work/job"
  cp "$here/guest-run.sh" "$work/job/"
  printf '#!/bin/busybox sh\nexec /bin/busybox modprobe "$@"\n' >"$work/job/modprobe"
  chmod 755 "$work/job/modprobe"
  {
    printf 'cd %q || exit 125\n' "$PWD"
    printf 'export PATH=%q HOME=/root TERM=dumb LANG=C.UTF-8\n' "$PATH"
    for variable in "${environment[@]}"; do printf 'export %q\n' "$variable"; done
    printf 'exec'
    printf ' %q' "$@"
    printf '\n'
  } >"$work/job/command"
  checkout_share >"$work/job/checkout"
  [ $systemd = 0 ] || : >"$work/job/systemd"
}

# What else to share so that the guest sees the current directory: its file system, where that is not
# the root's, or the directory itself, where the guest has an own file system in its place.
checkout_share() {
  local mounted
  mounted=$(findmnt --first-only --noheadings --output TARGET --target "$PWD")
  if [ "$mounted" != / ]; then
    echo "$mounted"
  else
    case $PWD/ in /tmp/* | /run/*) echo "$PWD" ;; esac
  fi
}

devices=()
# Exports one file system read-only. The mount namespace keeps /proc, /sys and the like out of it.
share() { # TAG DIRECTORY
  local socket=$work/$1.socket export=$work/$1
  mkdir -p "$export"
  # shellcheck disable=SC2016
  unshare --mount --propagation private sh -euc '
    mount --bind "$1" "$2"
    mount -o remount,bind,ro "$2"
    exec "$4" -f --socket-path="$3" --rlimit-nofile=0 -o source="$2" -o cache=always \
      -o sandbox=chroot -o xattr -o no_flock -o no_posix_lock -o log_level=err
  ' sh "$2" "$export" "$socket" "$virtiofsd" >>"$work/virtiofsd.log" 2>&1 &
  children+=($!)
  devices+=(-chardev "socket,id=$1,path=$socket"
    -device "vhost-user-fs-device,chardev=$1,tag=$1,queue-size=256")
  for _ in $(seq 500); do
    [ -S "$socket" ] && return
    kill -0 "${children[-1]}" 2>/dev/null || break
    sleep 0.01
  done
  cat "$work/virtiofsd.log" >&2
  fail "cannot share $2"
}

port() { # NAME
  : >"$work/$1"
  devices+=(-chardev "file,id=port-$1,path=$work/$1"
    -device "virtserialport,chardev=port-$1,name=$1")
}

# The guest sees the host's time stamp counter. Calibrating it against an emulated timer sometimes
# never ends, so the kernel is told the rate.
tsc_khz() {
  awk '/^bogomips/ { printf "%d", $3 * 500; exit }' /proc/cpuinfo
}

write_job "$@"
share root /
share job "$work/job"
share modules "$kernel/modules"
[ -s "$work/job/checkout" ] && share checkout "$(cat "$work/job/checkout")"
devices+=(-device virtio-serial-device)
port stdout
port stderr
port status
if [ "$disk" != 0 ]; then
  truncate --size "${disk}M" "$work/disk"
  : >"$work/job/disk"
  devices+=(-drive "if=none,id=disk,format=raw,cache=unsafe,file=$work/disk"
    -device virtio-blk-device,drive=disk)
fi

# One processor: QEMU's parallel emulation races with the kernel's patching of its own code.
timeout --foreground --kill-after=5 "$timeout" qemu-system-x86_64 \
  -nodefaults -no-user-config -no-reboot -display none \
  -M microvm,acpi=on,rtc=on,pit=on,pic=on,x-option-roms=off,isa-serial=on,memory-backend=ram \
  -global virtio-mmio.force-legacy=false -accel tcg,tb-size=512 -cpu max -smp "$cpus" \
  -m "$memory" -object "memory-backend-memfd,id=ram,size=${memory}M,share=on" \
  -kernel "$kernel/vmlinux" -initrd "$kernel/initramfs" \
  -append "console=ttyS0 quiet loglevel=4 panic=-1 reboot=t nokaslr mitigations=off tsc=reliable \
tsc_early_khz=$(tsc_khz) no_timer_check cryptomgr.notests random.trust_cpu=on nowatchdog \
rcupdate.rcu_expedited=1 audit=0 apparmor=0 selinux=0" \
  -serial "file:$work/console" "${devices[@]}" </dev/null 2>"$work/qemu.log" &
machine=$!
children+=("$machine")

tail --quiet --lines=+1 --sleep-interval=0.1 --pid="$machine" --follow "$work/stdout" &
children+=($!)
tail --quiet --lines=+1 --sleep-interval=0.1 --pid="$machine" --follow "$work/stderr" >&2 &
children+=($!)
ended=0
wait "$machine" || ended=$?
wait "${children[-1]}" "${children[-2]}" || true

[ $console = 0 ] || cat "$work/console" >&2
status=$(cat "$work/status")
[ -n "$status" ] && exit "$status"
[ $ended = 124 ] && echo "vm: ended after $timeout s" >&2 && exit 124
tail --lines=30 "$work/console" "$work/qemu.log" "$work/virtiofsd.log" >&2
fail "the machine ended without running the command (qemu: $ended)"
