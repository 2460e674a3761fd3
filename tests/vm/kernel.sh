#!/usr/bin/env bash
# kernel.sh DIRECTORY: fetches a Debian cloud kernel and prepares it for tests/vm/run.sh, once:
#
#   vmlinux      the uncompressed kernel, which QEMU's microvm starts through PVH without firmware
#   modules/     what belongs at /lib/modules, uncompressed and indexed
#   initramfs    busybox, the modules that reach the root file system, and guest-init.sh
#
# Prints the directory of the kernel. WARREN_VM_KERNEL names another Debian package.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cache=$1

# Modules that the kernel needs before it can read anything from the host; what is built in is absent.
boot_modules=(virtio_mmio virtio_console virtiofs overlay)

fail() {
  echo "vm: $*" >&2
  exit 1
}

package=${WARREN_VM_KERNEL:-}
if [ -z "$package" ]; then
  newest_of() { { grep -E '^linux-image-6\.12\..*-cloud-amd64$' || true; } | sort -V | tail -n 1; }
  mkdir -p "$cache"
  package=$(find "$cache" -mindepth 1 -maxdepth 1 -printf '%f\n' | newest_of)
  [ -n "$package" ] || package=$(apt-cache pkgnames linux-image-6.12. | newest_of)
  [ -n "$package" ] || fail "no linux-image-6.12 cloud kernel: run apt-get update"
fi
kernel=$cache/$package

unpack_package() { # into the current directory
  apt-get -qq -o APT::Sandbox::User=root download "$package" || fail "cannot download $package"
  dpkg-deb --extract ./*.deb tree
}

offsets_of() { # PATTERN FILE
  LC_ALL=C grep --only-matching --byte-offset --binary --text --perl-regexp "$1" "$2" |
    LC_ALL=C cut -d : -f 1
}

# The bzImage holds the compressed kernel somewhere after its boot code: try each place that starts
# like a zstd or xz stream. The stream is followed by its size, so the tools complain after success.
extract_vmlinux() { # IMAGE OUTPUT
  local offset magic tool
  while read -r magic tool; do
    while read -r offset; do
      tail -c "+$((offset + 1))" "$1" | $tool >"$2" 2>/dev/null || true
      [ "$(head -c 4 "$2" | tail -c 3)" = ELF ] && return
    done < <(offsets_of "$magic" "$1")
  done <<'MAGIC'
\x28\xb5\x2f\xfd zstd -dc
\xfd7zXZ\x00 xz -dc --single-stream
MAGIC
  fail "no kernel found in $1"
}

prepare_modules() { # RELEASE
  mkdir -p modules
  cp -a "tree/lib/modules/$1" modules/
  find modules -name '*.ko.xz' -exec unxz {} +
  # depmod wants the modules at BASE/lib/modules
  mkdir -p base/lib
  ln -s "$PWD/modules" base/lib/modules
  busybox depmod -b base "$1"
}

build_initramfs() { # RELEASE
  local root=initramfs-tree module file files
  mkdir -p $root/{bin,dev,proc,sys,shares,writes,root} "$root/lib/modules/$1"
  cp "$(command -v busybox)" $root/bin/busybox
  install -m 755 "$here/guest-init.sh" $root/init
  for module in "${boot_modules[@]}"; do
    # a line of modules.dep is "module: everything it needs"
    files=$(grep -E "(^|/)${module//_/[_-]}\.ko:" "modules/$1/modules.dep" | tr -d :) || continue
    for file in $files; do
      install -D "modules/$1/$file" "$root/lib/modules/$1/$file"
    done
  done
  busybox depmod -b $root "$1"
  (cd $root && find . | cpio --create --format=newc --quiet) >initramfs
}

prepare() {
  local work release
  work=$(mktemp -d "$cache/.new.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  unpack_package
  release=$(basename tree/lib/modules/*)
  extract_vmlinux "tree/boot/vmlinuz-$release" vmlinux
  prepare_modules "$release"
  build_initramfs "$release"
  rm -rf tree base initramfs-tree ./*.deb
  # where the kernel was there but its guest-init.sh was older
  rm -rf "$kernel"
  mv "$work" "$kernel"
  trap - EXIT
}

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
[ -e "$kernel/initramfs" ] && [ "$kernel/initramfs" -nt "$here/guest-init.sh" ] || prepare >&2
echo "$kernel"
