# Cases of scripts/test-image about what is secret: tokens, and memory. tests/image_tokens.rs and
# tests/image_memory.rs play them.
# shellcheck shell=bash disable=SC2154

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
