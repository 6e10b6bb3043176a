# Shared by the scripts: what the build and the tests need on Debian.
# shellcheck shell=sh disable=SC2034

# install_packages PACKAGE...  installs what is missing; without root it prints the one command.
install_packages() {
	missing=""
	for package in "$@"; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$status" = installed ] || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		printf '%s\n' "These packages are missing. Run this once, then start again:" >&2
		printf '\n    sudo apt-get update && sudo apt-get install -y%s\n\n' "$missing" >&2
		exit 1
	fi
	printf '%s\n' "Installing:$missing"
	apt-get update -q >/dev/null
	# shellcheck disable=SC2086 # the list is words without blanks
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >/dev/null
}

# The program's build: a C compiler, perl and make for OpenSSL, libclang for its bindings.
BUILD_PACKAGES="gcc libc6-dev make perl clang libclang-dev libpcsclite-dev pkg-config git"

# What a rehearsal uses: the independent drill.
REHEARSE_PACKAGES="gnupg"

# What the tests use besides; the last two for virtual tokens.
TEST_PACKAGES="shellcheck poppler-utils ghostscript zbar-tools util-linux mount iproute2 dash busybox mawk gawk
	pcscd vsmartcard-vpcd"

# need_pcscd_directory  pcscd wants its directory also when it listens elsewhere; systemd makes it.
need_pcscd_directory() {
	[ ! -d /run/pcscd ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		printf '%s\n' "/run/pcscd is missing. Run this once, then start again:" >&2
		printf '\n    sudo mkdir /run/pcscd\n\n' >&2
		exit 1
	fi
	mkdir /run/pcscd
}

need_rust() {
	if ! command -v cargo >/dev/null 2>&1; then
		printf '%s\n' "Rust is missing. Install it from your distribution or with rustup, then start again." >&2
		exit 1
	fi
}
