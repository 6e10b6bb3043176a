# Shared by scripts/build-image and scripts/update-lock: the lists, the lock and the cache.
# shellcheck shell=bash

image=$project/scripts/image
lock=$image/lock
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ceremony-image

fail() {
	printf '%s\n' "$@" >&2
	exit 1
}

# entries FILE  its lines without comments and blank lines.
entries() {
	sed 's/[[:space:]]*#.*//; /^[[:space:]]*$/d' "$1"
}

# deb_name PACKAGE VERSION ARCHITECTURE  the file's name, as apt-get download writes it.
deb_name() {
	printf '%s_%s_%s.deb\n' "$1" "${2//:/%3a}" "$3"
}

# toolchain_folder VERSION  where that compiler is: the one in use, or another that rustup has.
toolchain_folder() {
	if [ "$(rustc --version | cut -d ' ' -f 2)" = "$1" ]; then
		rustc --print sysroot
	else
		rustc "+$1" --print sysroot
	fi
}

# toolchain_files FOLDER  the part of a Rust toolchain that builds: compiler, cargo, standard library.
toolchain_files() {
	(cd "$1" && find bin/rustc bin/cargo lib lib/rustlib/x86_64-unknown-linux-gnu/lib \
		-path lib/rustlib -prune -o -type f -print &&
		find lib/rustlib/x86_64-unknown-linux-gnu -type f) | LC_ALL=C sort -u
}

# toolchain_hash FOLDER  one SHA-256 over the names and contents of those files.
toolchain_hash() {
	(cd "$1" && toolchain_files . | xargs -d '\n' sha256sum) | sha256sum | cut -d ' ' -f 1
}
