# What goes with the image: its hash, as digits and as words, what is in it, and a bill of materials.
# shellcheck shell=bash disable=SC2154

# list_contents  manifest lines: SHA256 SIZE PLACE ORIGIN. Places: iso: efi: ram:
list_contents() {
	local place folder file size sum
	for place in iso efi ram; do
		case $place in
		iso) folder=$medium ;;
		efi) folder=$efi ;;
		ram) folder=$ram ;;
		esac
		(cd "$folder" && find . -type f -printf '%s %P\n' | sort -k 2) |
			while read -r size file; do
				sum=$(sha256sum "$folder/$file")
				printf '%s %s %s:%s %s\n' "${sum%% *}" "$size" "$place" "$file" \
					"$(origin "$place:$file")"
			done
	done >$manifest
}

origin() {
	awk -v path="$1" '$1 == path { print $2; found = 1; exit } END { if (!found) print "ceremony" }' \
		/build/origins
}

papers() {
	local iso=/out/$IMAGE_NAME.iso
	cp $manifest "$iso.manifest"
	(cd /out && sha256sum "$IMAGE_NAME.iso") >"$iso.sha256"
	pgp_words "$(cut -c 1-64 "$iso.sha256")" >"$iso.words"
	bill_of_materials >"$iso.cdx.json"
	sizes
}

# pgp_words HEX  32 words, four to a row, each row with the number of its first word.
pgp_words() {
	awk -v hex="$1" '
		{ even[NR - 1] = $1; odd[NR - 1] = $2 }
		END {
			for (i = 0; i < length(hex) / 2; i++) {
				value = index("0123456789abcdef", substr(hex, 2 * i + 1, 1)) * 16 - 16
				value += index("0123456789abcdef", substr(hex, 2 * i + 2, 1)) - 1
				if (i % 4 == 0) printf "%2d ", i + 1
				printf " %-11s%s", i % 2 ? odd[value] : even[value], i % 4 == 3 ? "\n" : ""
			}
		}' /source/src/words/pgp-words.txt | sed 's/ *$//'
}

# CycloneDX 1.5 (ECMA-424): Debian packages by the lock, crates by Cargo.lock, the compiler.
bill_of_materials() {
	local version time
	version=$(sed -n 's/^version: //p' $ram/etc/ceremony-image/about)
	time=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
	printf '{\n  "bomFormat": "CycloneDX",\n  "specVersion": "1.5",\n  "version": 1,\n'
	printf '  "metadata": {\n    "timestamp": "%s",\n' "$time"
	printf '    "component": { "type": "operating-system", "name": "%s", "version": "%s" }\n  },\n' \
		"$IMAGE_NAME" "$version"
	printf '  "components": [\n'
	(debian_components && crate_components && rust_component) | sed '$!s/$/,/'
	printf '  ]\n}\n'
}

# "required" is in the image, "excluded" only built it.
debian_components() {
	awk '$1 == "image" || $1 == "tool" {
		version = $3; gsub(/\+/, "%2B", version); gsub(":", "%3A", version)
		name = $2; gsub(/\+/, "%2B", name)
		printf "    { \"type\": \"library\", \"name\": \"%s\", \"version\": \"%s\", \"scope\": \"%s\", ", \
			$2, $3, $1 == "image" ? "required" : "excluded"
		printf "\"purl\": \"pkg:deb/debian/%s@%s?arch=%s\", ", name, version, $4
		printf "\"hashes\": [{ \"alg\": \"SHA-256\", \"content\": \"%s\" }] }\n", $5
	}' $here/lock
}

# The crates that the program is built from, without those of the tests.
crate_components() {
	(cd /source && CARGO_HOME=/build/cargo cargo tree --offline --locked --target x86_64-unknown-linux-gnu \
		--edges normal,build --prefix none --format '{p}' | sed 's/ (.*//; s/ v/ /' | sort -u) |
		awk 'NR == FNR { used[$1 " " $2] = 1; next }
			/^name = / { name = $3 }
			/^version = / { version = $3 }
			/^checksum = / {
				gsub("\"", "", name); gsub("\"", "", version); gsub("\"", "", $3)
				if (!((name " " version) in used)) next
				printf "    { \"type\": \"library\", \"name\": \"%s\", \"version\": \"%s\", \"scope\": \"required\", ", \
					name, version
				printf "\"purl\": \"pkg:cargo/%s@%s\", ", name, version
				printf "\"hashes\": [{ \"alg\": \"SHA-256\", \"content\": \"%s\" }] }\n", $3
			}' - /source/Cargo.lock
}

rust_component() {
	awk '$1 == "rust" {
		printf "    { \"type\": \"application\", \"name\": \"rust\", \"version\": \"%s\", \"scope\": \"excluded\" }\n", $3
	}' $here/lock
}

sizes() {
	awk '{ split($3, part, ":"); place = part[1]
		if (place == "iso") { printf "%10d  %s\n", $2, $3; next }
		group = place ": " $4
		sum[group] += $2
	} END { for (group in sum) printf "%10d  %s\n", sum[group], group }' $manifest | sort -k 2 >"/out/$IMAGE_NAME.iso.sizes"
	stat -c '%10s  the ISO' "/out/$IMAGE_NAME.iso" | tee -a "/out/$IMAGE_NAME.iso.sizes"
}
