# The RAM root: Debian's files by the list, kernel modules by theirs, the program, init.
# shellcheck shell=bash disable=SC2154

ram_root() {
	folders
	debian_files
	no_package_unused
	no_library_missing
	modules
	own_files
}

folders() {
	mkdir -p $ram/{dev,proc,sys,run,tmp,root,home/ceremony,etc/ceremony-image,usr/{bin,sbin,lib,lib64}}
	local part
	for part in bin sbin lib lib64; do
		ln -s usr/$part $ram/$part
	done
	chmod 700 $ram/root
}

# A package's folder under /debian; the kernel's is listed without its version.
package_folder() {
	case $1 in
	linux-image-amd64) echo "/debian/$kernel_package" ;;
	*) echo "/debian/$1" ;;
	esac
}

debian_files() {
	local where package path target from
	while read -r where package path target; do
		from=$(package_folder "$package")$path
		[ "$package" != linux-image-amd64 ] || from=$from-$kernel
		[ -e "$from" ] || fail "scripts/image/files: $package has no $path."
		case $where in
		root) copy_to_ram "$package" "$from" "$path" ;;
		boot) copy_to_medium "$package" "$from" "$target" ;;
		*) fail "scripts/image/files: $where is neither root nor boot." ;;
		esac
	done < <(entries $here/files)
}

# copy_to_ram PACKAGE FROM PATH  a link that is listed is followed, one inside a folder stays one.
copy_to_ram() {
	local file relative
	while read -r file; do
		relative=$3${file#"$2"}
		mkdir -p "$ram$(dirname "$relative")"
		case $relative in
		*.gz)
			relative=${relative%.gz}
			gzip -dc "$file" >"$ram$relative"
			;;
		*) cp "$([ -d "$2" ] && echo -P || echo -L)" "$file" "$ram$relative" ;;
		esac
		came_from "ram:$(real_place "$relative")" "$1"
	done < <(find "$2" ! -type d | sort)
}

# real_place PATH  without the links /bin and /lib, and without the first slash.
real_place() {
	local folder
	folder=$(realpath "$ram$(dirname "$1")")
	printf '%s/%s\n' "${folder#$ram/}" "$(basename "$1")"
}

# copy_to_medium PACKAGE FROM TARGET  what UEFI starts goes to the UEFI partition.
copy_to_medium() {
	local into=$medium name=iso
	case $3 in
	EFI/*) into=$efi name=efi ;;
	esac
	mkdir -p "$into/$(dirname "$3")"
	cp -L "$2" "$into/$3"
	came_from "$name:$3" "$1"
}

# Every locked package gives at least one file.
no_package_unused() {
	local package unused=""
	for package in /debian/*; do
		package=${package#/debian/}
		grep -q " $package\$" /build/origins || [ "$package" = "$kernel_package" ] ||
			unused="$unused $package"
	done
	[ -z "$unused" ] || fail "Locked, but nothing of it is used:$unused"
}

# Every library that a program or a library wants is there, under the name that it wants.
no_library_missing() {
	local file library missing=""
	while read -r file; do
		for library in $(objdump -p "$file" 2>/dev/null | awk '$1 == "NEEDED" { print $2 }'); do
			[ -e "$ram/usr/lib/x86_64-linux-gnu/$library" ] || [ -e "$ram/usr/lib64/$library" ] ||
				missing="$missing ${file##*/}:$library"
		done
	done < <(find $ram/usr /build/ceremony /build/ceremony-media -type f \( -perm /111 -o -name '*.so*' \))
	[ -z "$missing" ] || fail "Libraries that are wanted and missing:$missing"
}

# The list's order, signatures and forbidden families are checked, then each is copied.
modules() {
	local tree=/build/modules-tree when name parameters path
	rm -rf $tree
	mkdir -p $tree/lib
	cp -r "/debian/$kernel_package/lib/modules" $tree/lib/
	depmod -b $tree "$kernel"
	: >/build/loaded
	mkdir -p $ram/lib/modules
	while read -r when name parameters; do
		if [ "$when" = screen ]; then
			echo screen >>$ram/etc/ceremony-image/modules
			continue
		fi
		path=$(module_path $tree "$name")
		check_module $tree "$path"
		echo "$path" >>/build/loaded
		cp "$tree/lib/modules/$kernel/$path" "$ram/lib/modules/$name.ko"
		came_from "ram:usr/lib/modules/$name.ko" "$kernel_package"
		printf '%s %s%s\n' "$when" "$name" "${parameters:+ $parameters}" \
			>>$ram/etc/ceremony-image/modules
	done < <(entries $here/modules)
}

# module_path TREE NAME  as modules.dep writes it; - and _ are the same in a module's name.
module_path() {
	awk -F : -v name="$2" 'BEGIN { gsub("-", "_", name) } {
		n = split($1, part, "/"); file = part[n]; sub(/\.ko$/, "", file); gsub("-", "_", file)
		if (file == name) { print $1; found = 1 }
	} END { exit !found }' "$1/lib/modules/$kernel/modules.dep" ||
		fail "scripts/image/modules: the kernel has no module $2."
}

check_module() {
	local need
	for need in $(sed -n "s,^$2:,,p" "$1/lib/modules/$kernel/modules.dep"); do
		grep -qx "$need" /build/loaded ||
			fail "scripts/image/modules: $need must stand before $2."
	done
	if entries $here/forbidden-modules | grep -q -F -f - <(echo "/$2"); then
		fail "scripts/image/modules: $2 is of a forbidden family."
	fi
	[ "$(modinfo -F sig_id "$1/lib/modules/$kernel/$2")" = "PKCS#7" ] ||
		fail "$2 has no signature."
}

own_files() {
	local about=$ram/etc/ceremony-image/about
	install -m 755 /build/ceremony /build/ceremony-media $ram/usr/bin/
	install -m 755 $here/init $ram/init
	install -D -m 644 $here/usb.rules $ram/etc/udev/rules.d/10-usb.rules
	mkdir -p $ram/lib/systemd
	ln -s /bin/udevadm $ram/lib/systemd/systemd-udevd
	printf '%s\n' root:x:0:0:root:/root:/bin/sh \
		ceremony:x:1000:1000:ceremony:/home/ceremony:/bin/false >$ram/etc/passwd
	printf '%s\n' root:x:0: ceremony:x:1000: >$ram/etc/group
	applets
	printf 'version: %s (%s)\nkernel: %s\n' \
		"$(sed -n 's/^version = "\(.*\)"/\1/p' /source/Cargo.toml | head -n 1)" \
		"$IMAGE_COMMIT" "$kernel" >$about
	[ "$IMAGE_DEBUG" = no ] || echo "A shell is in this image." >$ram/etc/ceremony-image/debug
}

# Busybox's tools under their names: those of the list, in a debug image all others too.
applets() {
	local applet extra=""
	$ram/bin/busybox --list >/build/all-applets
	[ "$IMAGE_DEBUG" = no ] || extra=$(sed 's,^,bin/,' /build/all-applets)
	for applet in $(entries $here/applets | cut -d ' ' -f 1) $extra; do
		grep -qxF -e "${applet#*bin/}" /build/all-applets || fail "Busybox has no $applet."
		[ -L "$ram/$applet" ] || [ -e "$ram/$applet" ] || ln -s /bin/busybox "$ram/$applet"
	done
}

# Owner, time and order are fixed; one thread, so that the compressed bytes are always the same.
initramfs() {
	(cd $ram && find . -type f ! -path ./etc/ceremony-image/manifest -printf '%P\n' | sort |
		xargs -d '\n' sha256sum) >$ram/etc/ceremony-image/manifest
	find $ram -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	mkdir -p $medium/boot
	(cd $ram && find . -mindepth 1 -print0 | sort -z |
		cpio --null --create --format=newc --reproducible --owner=0:0 --quiet) |
		zstd -q -19 --single-thread -o $medium/boot/initrd
}
