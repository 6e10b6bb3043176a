# Cases of scripts/test-image about what is secret: tokens, and memory. tests/image_tokens.rs and
# tests/image_memory.rs play them.
# shellcheck shell=bash disable=SC2154

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

# The exact image counts software tokens, and refuses them.
case_token_imitation() {
	software_tokens
	image_test image_tokens software_tokens_are_refused_as_imitations "${tokens[@]}"
}

# With the program that the tests are run with, which believes them: two people are enrolled, then
# hold a ceremony.
case_tokens() {
	software_tokens
	with_test_program
	image_test image_tokens two_people_with_tokens_are_enrolled_and_hold_a_ceremony "${tokens[@]}" \
		-kernel "$(inside "$work/vmlinuz")" -initrd "$(inside "$work/initrd")" -append "$kernel_arguments"
}

# What was typed and shown in a ceremony on the exact image is nowhere in memory after it.
case_memory_wiped_ceremony() {
	image_test image_memory nothing_secret_is_in_memory_when_the_machine_is_off -no-shutdown
}
