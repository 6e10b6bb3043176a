# The program, compiled by the locked toolchain from the commit and the vendored crates.
# shellcheck shell=bash

# cargo_settings  crates come from the vendored ones alone.
cargo_settings() {
	mkdir -p /build/cargo
	cat >/build/cargo/config.toml <<-'END'
		[source.crates-io]
		replace-with = "vendored-sources"
		[source.vendored-sources]
		directory = "/vendor"
	END
}

program() {
	(
		cd /source
		export CARGO_HOME=/build/cargo CARGO_TARGET_DIR=/build/target
		# Read by build.rs; there is no git in here.
		export CEREMONY_COMMIT=$IMAGE_COMMIT CEREMONY_COMMIT_TIME=$SOURCE_DATE_EPOCH
		# The time that OpenSSL says it was built: that of the crates' last change.
		export SOURCE_DATE_EPOCH=$IMAGE_CRATES_TIME
		cargo build --quiet --release --locked --offline --bin ceremony --bin ceremony-media
	)
	install -m 755 /build/target/release/ceremony /build/target/release/ceremony-media /build/
}
