# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# guest.sh - a Linux of Debian's in QEMU (TCG), made of busybox, programs of this machine and kernel modules. Source it.
#
#   fetch SERIES                     directory with the unpacked kernel of 6.1 or 6.12; status 1: not to be had
#   copy_modules ROOT KERNEL RELEASE those in $MODULES with what they need, in load order
#   copy_with_libraries ROOT PROGRAM
#   pack ROOT                        ROOT.gz, with ROOT/init, which has "$GUEST_START" in front
#   run_guest KERNEL RELEASE ROOT    boots it; console to stdout. Ends after $BOOT_S seconds at most
#   said <CONSOLE                    what the guest said behind the line "weir: release ..."
#   guest_missing [PROGRAM...]       programs that are not installed here, each with a space in front
# Wants $B and $work, a directory that the caller removes.

BOOT_S=180	# far more than TCG needs (7 s)

# Package that the meta package of a series depends on: linux-image-<ABI>-cloud-amd64.
package_of() {
	local meta=linux-image-$1-cloud-amd64

	[ "$1" = 6.1 ] && meta=linux-image-cloud-amd64	# Debian 12's own
	apt-cache depends "$meta" 2>/dev/null | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ {print $2; exit}'
}

# Prints the directory with the unpacked kernel of a series; status 1 where it is not to be had.
fetch() {
	local series=$1 package dir

	package=$(package_of "$series")
	if [ -z "$package" ]; then
		apt-get update >/dev/null 2>&1
		package=$(package_of "$series")
	fi
	dir=$(cd "$B" && pwd)/kernels/$series
	if [ -n "$package" ] && [ ! -e "$dir/$package" ]; then
		mkdir -p "$work/deb"
		(cd "$work/deb" || exit; apt-get download "$package" || { apt-get update; apt-get download "$package"; }) \
			>"$work/apt.log" 2>&1
		if ls "$work"/deb/*.deb >/dev/null 2>&1; then
			rm -rf "$dir"
			mkdir -p "$dir"
			dpkg -x "$work"/deb/*.deb "$dir" && touch "$dir/$package"
			rm -f "$work"/deb/*.deb
		fi
	fi
	ls "$dir"/boot/vmlinuz-* >/dev/null 2>&1 && echo "$dir"
}

# Modules with what they need, in load order, plain (busybox reads no xz).
copy_modules() {
	local root=$1 kernel=$2 release=$3 file m

	depmod -b "$kernel" "$release" 2>/dev/null
	for m in $MODULES; do
		modprobe -d "$kernel" -S "$release" --show-depends "$m" 2>/dev/null
	done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' | while read -r file; do
		m=$(basename "$file")
		case $m in
		*.xz) m=${m%.xz}; xz -dc "$file" >"$root/modules/$m" ;;
		*.zst) m=${m%.zst}; zstd -qdc "$file" >"$root/modules/$m" ;;
		*) cp "$file" "$root/modules/$m" ;;
		esac
		echo "$m" >>"$root/modules/order"
	done
}

copy_with_libraries() {
	local root=$1 program=$2 lib

	cp "$program" "$root/bin/"
	ldd "$program" | grep -o '/[^ ]*' | sort -u | while read -r lib; do
		mkdir -p "$root$(dirname "$lib")"
		cp -L "$lib" "$root$lib"
	done
}

GUEST_START='#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys
while read -r m; do insmod /modules/$m || echo "# insmod $m failed"; done </modules/order
ip link set lo up
echo "weir: release $(uname -r)"'

pack() {
	local root=$1

	mkdir -p "$root"/{bin,dev,proc,sys,modules}
	cp "$(command -v busybox)" "$root/bin/"
	chmod +x "$root/init"
	(cd "$root" && find . | cpio -o -H newc -R 0:0 2>/dev/null | gzip -1) >"$root.gz"
}

run_guest() {
	timeout "$BOOT_S" qemu-system-x86_64 -M q35 -accel tcg -cpu max -m 512 -display none -serial stdio -no-reboot \
		-netdev user,id=n,restrict=on -device virtio-net-pci,netdev=n,romfile= \
		-kernel "$1/boot/vmlinuz-$2" -initrd "$3.gz" \
		-append "console=ttyS0 quiet panic=-1" </dev/null 2>&1 | tr -d '\r'
}

said() { LC_ALL=C awk 'said && !/^\[ / {print} /weir: release/ {said = 1}'; }

guest_missing() {
	local tool

	for tool in qemu-system-x86_64 busybox cpio depmod "$@"; do
		command -v "$tool" >/dev/null || printf ' %s' "$tool"
	done
}
