# The boot medium: loaders for BIOS and UEFI, kernel, RAM root; one ISO for sticks, cards and CDs.
# shellcheck shell=bash disable=SC2154

boot_medium() {
	menu
	bios_loader
	uefi_partition
	# Debian's signed loader looks for its files on the medium that has this one.
	mkdir -p $medium/.disk
	echo "ceremony" >$medium/.disk/info
}

menu() {
	local title=ceremony arguments
	[ "$IMAGE_DEBUG" = no ] || title="ceremony: DEBUG IMAGE, never for a ceremony"
	arguments=$(entries $here/loader/kernel-arguments | tr '\n' ' ')
	mkdir -p $medium/boot/grub
	sed "s|@TITLE@|$title|; s|@ARGUMENTS@|${arguments% }|" $here/loader/grub.cfg \
		>$medium/boot/grub/grub.cfg
}

bios_loader() {
	grub-mkimage --format=i386-pc --prefix=/boot/grub --config=$here/loader/bios.cfg \
		--output=/build/core.img \
		biosdisk iso9660 part_gpt part_msdos search search_fs_file normal configfile linux \
		serial terminal echo test boot
	cat /usr/lib/grub/i386-pc/cdboot.img /build/core.img >$medium/boot/grub/bios.img
	came_from iso:boot/grub/bios.img grub-pc-bin
}

# A FAT file system with a fixed serial number and the files' fixed times.
uefi_partition() {
	local image=$medium/boot/grub/efi.img kib file
	# 64 KiB for the file system itself; whole cylinders of 16 KiB, as mformat wants them.
	kib=$(($(find $efi -type f -printf '%s\n' | awk '{ sum += $1 + 4096 } END { print int(sum / 1024) }') + 64))
	kib=$(((kib + 15) / 16 * 16))
	find $efi -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
	rm -f $image
	truncate -s ${kib}K $image
	mformat -i $image -h 1 -s 32 -t $((kib / 16)) -N 0 -v CEREMONY ::
	mmd -i $image ::/EFI ::/EFI/BOOT
	for file in "$efi"/EFI/BOOT/*; do
		mcopy -m -i $image "$file" ::/EFI/BOOT/
	done
}

iso() {
	local stamp out=/out/$IMAGE_NAME.iso
	stamp=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S00)
	find $medium -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	xorriso -as mkisofs -quiet -r -J -V CEREMONY \
		--modification-date="$stamp" --set_all_file_dates "=$SOURCE_DATE_EPOCH" \
		-b boot/grub/bios.img -no-emul-boot -boot-load-size 4 -boot-info-table \
		--grub2-boot-info --grub2-mbr /usr/lib/grub/i386-pc/boot_hybrid.img \
		--efi-boot boot/grub/efi.img -efi-boot-part --efi-boot-image --protective-msdos-label \
		-o "$out" $medium 2>/build/xorriso.log || fail "$(cat /build/xorriso.log)"
	own_check "$out"
}

# The image cannot hold its own hash. It holds the hash of itself with that one field empty, and its
# size, and the hash of the list of the RAM root's files: in the part of the volume descriptor that
# ISO 9660 (8.4.32) leaves to the application, 512 bytes at byte 883 of sector 16. The first screen's
# self-check compares them (src/edge/block/boot.rs).
own_check() {
	local offset=$((16 * 2048 + 883)) text
	dd if=/dev/zero bs=1 seek=$offset count=512 conv=notrunc status=none of="$1"
	text="ceremony-image bytes=$(stat -c %s "$1") sha256=$(hash_of "$1") ram=$(hash_of $ram/etc/ceremony-image/manifest)"
	printf '%s\n' "$text" | dd bs=1 seek=$offset conv=notrunc status=none of="$1"
}

hash_of() {
	sha256sum "$1" | cut -d ' ' -f 1
}
