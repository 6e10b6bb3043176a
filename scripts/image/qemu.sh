# Starting, watching and ending one QEMU at a time, for scripts/test-image.
# shellcheck shell=bash disable=SC2154

# The machine's memory: what the image promises to need at most, in MB.
MEMORY=512

# prepare_qemu  Debian's QEMU; in a root of its own where the machine has none.
prepare_qemu() {
	install_packages cpio xorriso mmdebstrap
	qemu_root="" patched_qemu=""
	if ! command -v qemu-system-x86_64 >/dev/null || [ ! -e /usr/share/OVMF ]; then
		qemu_root=${QEMU_ROOT:-$cache/qemu}
		[ -x "$qemu_root/usr/bin/qemu-system-x86_64" ] ||
			mmdebstrap --quiet --variant=apt \
				--include=qemu-system-x86,qemu-utils,ovmf,seabios,qemu-system-data \
				"$(. /etc/os-release && echo "$VERSION_CODENAME")" "$qemu_root"
	fi
	work=$target/test
	rm -rf "$work"
	mkdir -p "$work"
	trap stop_qemu EXIT
}

# inside FILE  a file's path as QEMU sees it: $target is /mnt in QEMU's root.
inside() {
	if [ -z "$qemu_root" ]; then
		printf '%s\n' "$1"
	else
		printf '/mnt%s\n' "${1#"$target"}"
	fi
}

# firmware plain|secure  sets the options for UEFI, with Microsoft's keys for Secure Boot.
firmware() {
	local share=$qemu_root/usr/share/OVMF code=OVMF_CODE_4M.fd vars=OVMF_VARS_4M.fd
	firmware=(-machine q35)
	if [ "$1" = secure ]; then
		code=OVMF_CODE_4M.secboot.fd vars=OVMF_VARS_4M.ms.fd
		firmware=(-machine q35,smm=on -global driver=cfi.pflash01,property=secure,value=on)
	fi
	cp "$share/$vars" "$work/vars.fd"
	firmware+=(-drive "if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/$code"
		-drive "if=pflash,format=raw,unit=1,file=$(inside "$work/vars.fd")")
}

# qemu_command OPTION...  sets the command: the machine that every case has, and these options.
qemu_command() {
	command=(qemu-system-x86_64 -accel tcg -cpu max -machine q35 -m $MEMORY -smp 2
		-display none -no-reboot -nic none "$@")
	[ -n "$qemu_root$patched_qemu" ] || return 0
	# Each command is replaced by the next, so that the number is QEMU's own.
	# shellcheck disable=SC2016 # expanded by the inner shell
	command=(unshare -m sh -c 'root=$1; { [ -z "$root" ] || mount --bind "$2" "$root/mnt"; } && { [ -z "$3" ] || mount --bind "$3" "$root/usr/bin/$4"; } && shift 3 && exec chroot "${root:-/}" "$@"' sh
		"$qemu_root" "$target" "$patched_qemu" "${command[@]}")
}

# start_qemu OPTION...  the serial line comes to $log and is written to by send.
start_qemu() {
	log=$work/$case.serial
	: >"$log"
	local pipe command
	for pipe in serial monitor; do
		rm -f "$work/$pipe.in" "$work/$pipe.out"
		mkfifo "$work/$pipe.in" "$work/$pipe.out"
	done
	qemu_command -chardev "pipe,id=serial,path=$(inside "$work/serial")" -serial chardev:serial \
		-chardev "pipe,id=monitor,path=$(inside "$work/monitor")" -mon chardev=monitor "$@"
	cat "$work/serial.out" >>"$log" &
	cat "$work/monitor.out" >"$work/monitor.log" &
	"${command[@]}" >"$work/qemu.log" 2>&1 &
	qemu=$!
	exec 7>"$work/serial.in" 8>"$work/monitor.in"
}

stop_qemu() {
	[ -z "${holder:-}" ] || kill "$holder" 2>/dev/null || :
	holder=""
	[ -n "${qemu:-}" ] || return 0
	kill "$qemu" 2>/dev/null || :
	wait "$qemu" 2>/dev/null || :
	qemu=""
	exec 7>&- 8>&-
}

# say TEXT  why the case failed.
say() {
	why=$*
	return 1
}

seen() {
	# Screens are drawn with control sequences between words: they are taken out.
	sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g; s/\r//g' "$log" | grep -q -- "$1"
}

# wait_for PATTERN SECONDS
wait_for() {
	local end=$((SECONDS + $2))
	while [ $SECONDS -lt $end ]; do
		! seen "$1" || return 0
		kill -0 "$qemu" 2>/dev/null || say "QEMU ended: $(tail -n 1 "$work/qemu.log")" || return 1
		sleep 0.5
	done
	say "not seen within $2 s: $1"
}

fail_unless() {
	seen "$1" || say "not on the screen: $1"
}

# send TEXT  as if it was typed, with Enter.
send() {
	printf '%s\r' "$1" >&7
}

# kernel_and_initrd  as on the medium, with the kernel's command line.
kernel_and_initrd() {
	take_from_iso boot/vmlinuz "$work/vmlinuz"
	take_from_iso boot/initrd "$work/initrd"
	kernel_arguments=$(entries "$image/loader/kernel-arguments" | tr '\n' ' ')
}

# add_to_initrd FOLDER  the kernel unpacks one archive after the other, if it begins at a multiple of
# 4 bytes; the second replaces files of the first.
add_to_initrd() {
	truncate -s %4 "$work/initrd"
	(cd "$1" && find . ! -type d | cpio --quiet -o -H newc --owner=0:0) >>"$work/initrd"
}

# with_test_program  the exact kernel and RAM root, but with the debug build of the program, which
# believes the software tokens' root.
with_test_program() {
	local extra=$work/extra program=$target/../debug/ceremony
	rm -rf "$extra"
	mkdir -p "$extra/usr/bin" "$extra/etc/ceremony-image"
	kernel_and_initrd
	(cd "$project" && cargo test --locked --quiet --test release --no-run)
	objcopy --strip-all "$program" "$extra/usr/bin/ceremony-for-tests"
	cp "$work/root.der" "$extra/etc/ceremony-image/test-root.der"
	printf '%s\n' '#!/bin/sh' 'export CEREMONY_TEST_ONLY_ROOT=/etc/ceremony-image/test-root.der' \
		'exec ceremony-for-tests "$@"' >"$extra/usr/bin/ceremony"
	chmod 755 "$extra/usr/bin/"*
	add_to_initrd "$extra"
}

# with_shell  the exact kernel and RAM root, with what a debug image has besides: a shell, and
# busybox's other tools. Sets the options for QEMU.
with_shell() {
	local extra=$work/extra busybox=$work/busybox applet
	rm -rf "$extra"
	mkdir -p "$extra/usr/bin" "$extra/etc/ceremony-image"
	kernel_and_initrd
	dpkg-deb --fsys-tarfile "$cache/$(locked_deb busybox-static)" | tar -x -O ./bin/busybox >"$busybox"
	chmod 755 "$busybox"
	for applet in $("$busybox" --list); do
		entries "$image/files" | awk '{ print $3 }' | sed 's,.*/,,' | grep -qxF -e "$applet" ||
			ln -s /bin/busybox "$extra/usr/bin/$applet"
	done
	echo "A shell is in this image." >"$extra/etc/ceremony-image/debug"
	add_to_initrd "$extra"
	from_kernel=(-kernel "$(inside "$work/vmlinuz")" -initrd "$(inside "$work/initrd")"
		-append "$kernel_arguments")
}

# with_driver MODULE PATH  kernel and RAM root as on the medium, and one driver more in the list.
with_driver() {
	local extra=$work/extra deb
	rm -rf "$extra"
	mkdir -p "$extra/usr/lib/modules" "$extra/etc/ceremony-image"
	kernel_and_initrd
	deb=$(locked_deb "$(entries "$lock" | awk '$2 ~ /^linux-image-/ { print $2 }')")
	dpkg-deb --fsys-tarfile "$cache/$deb" |
		tar -x -O --wildcards "./lib/modules/*/$2" >"$extra/usr/lib/modules/$1.ko"
	(entries "$image/modules" && echo "always $1") >"$extra/etc/ceremony-image/modules"
	add_to_initrd "$extra"
}

# software_tokens  two of them (tests/virtual-yubikey), as sold, each in a USB reader of its own;
# sets the options for QEMU. They have one root, left in $work/root.der.
software_tokens() {
	local number
	(cd "$project" && cargo build --locked --quiet -p virtual-yubikey)
	reader_for_tokens
	rm -f "$work"/token-[12]{,.json} "$work/root.der"
	tokens=(-device qemu-xhci,id=readers)
	for number in 1 2; do
		tokens+=(-chardev "socket,id=token$number,server=on,wait=off,path=$(inside "$work/token-$number")"
			-device "usb-ccid,id=reader$number,bus=readers.0"
			-device "ccid-card-passthru,bus=reader$number.0,chardev=token$number")
	done
	# From within the folder: a socket's path has at most 107 bytes.
	(cd "$work" && exec "$target/../debug/virtual-yubikey" --vscard root.der \
		token-1 token-1.json token-2 token-2.json) >"$work/tokens.log" 2>&1 &
	holder=$!
	until [ -e "$work/root.der" ]; do sleep 0.1; done
}

# reader_for_tokens  QEMU's reader says of itself that it speaks T=0 only, which tokens do not; newer
# ones say both (x-t1-support). In a copy of an older one that byte of its USB descriptor
# is changed, here and nowhere else.
reader_for_tokens() {
	local begin
	[ -z "$patched_qemu" ] || return 0
	if chroot "${qemu_root:-/}" qemu-system-x86_64 -device usb-ccid,help | grep -q x-t1-support; then
		return 0
	fi
	patched_qemu=$work/qemu-t1
	cp "$(chroot "${qemu_root:-/}" sh -c 'readlink -f "$(command -v qemu-system-x86_64)"' | sed "s,^,$qemu_root,")" "$patched_qemu"
	# Length 54, type 33, CCID 1.10, one slot, all voltages; then the protocols.
	begin=$(grep -obUaP '\x36\x21\x10\x01\x00\x07\x01\x00\x00\x00\xa0\x0f\x00\x00' "$patched_qemu" | cut -d : -f 1)
	case $begin in
	'' | *[!0-9]*) fail "QEMU's card reader is not as expected: its descriptor was found at: $begin" ;;
	esac
	printf '\003' | dd of="$patched_qemu" bs=1 seek=$((begin + 6)) conv=notrunc status=none
}

# without_system  the image's kernel and a RAM root with nothing but busybox.
without_system() {
	local bare=$work/bare-root
	kernel_and_initrd
	mkdir -p "$bare/bin" "$bare/dev"
	dpkg-deb --fsys-tarfile "$cache/$(locked_deb busybox-static)" |
		tar -x -O ./bin/busybox >"$bare/bin/busybox"
	chmod 755 "$bare/bin/busybox"
	printf '%s\n' '#!/bin/busybox sh' '/bin/busybox mount -t devtmpfs devtmpfs /dev' \
		'echo BARE BUSYBOX IS UP >/dev/ttyS0' '/bin/busybox sleep 1000' >"$bare/init"
	chmod 755 "$bare/init"
	(cd "$bare" && find . | cpio --quiet -o -H newc) | zstd -q -19 >"$work/bare"
}

# seconds_to PATTERN INITRD  from QEMU's start to the pattern.
seconds_to() {
	local started=$EPOCHREALTIME
	start_qemu -kernel "$(inside "$work/vmlinuz")" -initrd "$(inside "$2")" \
		-append "$kernel_arguments"
	wait_for "$1" $BOOT_LIMIT || return 1
	took=$(awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
}

# locked_deb PACKAGE  its file in the cache.
locked_deb() {
	entries "$lock" | awk -v package="$1" '$2 == package {
		gsub(":", "%3a", $3); print $2 "_" $3 "_" $4 ".deb"; exit
	}'
}

# take_from_iso PATH FILE
take_from_iso() {
	xorriso -osirrox on -indev "$iso" -extract "/$1" "$2" >/dev/null 2>&1
	chmod u+w "$2"
}

run_case() {
	local started=$SECONDS result=good
	case=$1 why="" qemu="" figures=""
	"case_$case" || result="FAILED: $why"
	result="$result${figures:+ ($figures)}"
	stop_qemu
	printf '%-22s %7d  %s\n' "$case" $((SECONDS - started)) "$result"
	[ "${result#FAILED}" != "$result" ] || return 0
	show_end
	return 1
}

# show_end  the last that was said in a failed case: what has no files left can be read there.
show_end() {
	local file
	for file in "$work/$case.serial" "$work/$case.log"; do
		[ ! -s "$file" ] || sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g; s/\r//g' "$file" | tail -n 60 | sed 's/^/    /'
	done
}

# monitor COMMAND  to QEMU itself.
monitor() {
	printf '%s\n' "$1" >&8
}

# memory_holds TEXT  searches all of the guest's memory.
memory_holds() {
	rm -f "$work/memory.dump"
	monitor "pmemsave 0 $((MEMORY * 1024 * 1024)) \"$(inside "$work/memory.dump")\""
	local end=$((SECONDS + 60))
	until [ "$(stat -c %s "$work/memory.dump" 2>/dev/null)" = $((MEMORY * 1024 * 1024)) ]; do
		[ $SECONDS -lt $end ] || fail "QEMU did not write its memory."
		sleep 0.5
	done
	grep -qaF "$1" "$work/memory.dump"
}

# wait_for_shutdown SECONDS  with -no-shutdown QEMU stays when the guest has switched off.
wait_for_shutdown() {
	local end=$((SECONDS + $1))
	while [ $SECONDS -lt $end ]; do
		monitor "info status"
		sleep 1
		! grep -q "paused (shutdown)" "$work/monitor.log" || return 0
	done
	say "the machine did not switch off within $1 s"
}

# screenshot NAME
screenshot() {
	monitor "screendump $(inside "$work/$1.png") -f png"
	sleep 2
	[ -s "$work/$1.png" ] || fail "QEMU made no picture."
}
