# Cases of scripts/test-image in which people hold whole ceremonies on the image: tests/image.rs
# plays them, at the serial line of a QEMU that it starts by the script below.
# shellcheck shell=bash disable=SC2154

# How long one case may take, in seconds, without KVM on busy cores.
CEREMONY_LIMIT=3600

# image_test FILE NAME OPTION...  one test of tests/FILE.rs, on a machine with these options too.
image_test() {
	local file=$1 name=$2 program=$work/$case.qemu said=$work/$case.log command
	shift 2
	install_packages mtools
	qemu_command "$@"
	printf '#!/bin/sh\nexec%s "$@"\n' "$(printf ' %q' "${command[@]}")" >"$program"
	chmod 755 "$program"
	IMAGE_QEMU=$program IMAGE_ISO=$(inside "$iso") IMAGE_WORK=$work IMAGE_MEMORY=$MEMORY \
		IMAGE_WORK_INSIDE=$(inside "$work") timeout "$CEREMONY_LIMIT" \
		cargo test --locked --quiet --manifest-path "$project/Cargo.toml" \
		--test "$file" -- --ignored --exact --nocapture "$name" >"$said" 2>&1 || say "see $said"
}

case_ceremony() {
	image_test image a_whole_ceremony_with_its_planned_stop
}

# The plan that the image carries: its key is RSA.
case_ceremony_rsa() {
	SLOW=yes image_test image a_whole_ceremony_with_its_planned_stop
}

case_power_cut() {
	image_test image the_power_is_cut_in_the_backup
}

case_boot_stick_removed() {
	image_test image the_boot_stick_is_removed
}

case_lying_stick() {
	image_test image a_stick_that_lies_is_found_out
}
