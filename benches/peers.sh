#!/bin/sh
# peers.sh SOURCE NAMES.tsv.gz TO: builds what `cargo bench --bench scale` measures beside tuffet, outside of this
# project. SOURCE holds invgen/, limits/, tough_peer/, tuftool/ and python_tuf/. Needs rustc, cargo, a C compiler, cmake, python3.
set -eu
source=$(realpath "$1") names=$(realpath "$2")
mkdir -p "$3"
to=$(realpath "$3")
zcat "$names" > "$to/names.tsv"
rustc -O "$source/invgen/invgen.rs" -o "$to/invgen"
for peer in limits tough_peer; do
    mkdir -p "$to/build/$peer"
    cp -r "$source/$peer/." "$to/build/$peer/"
    chmod -R u+w "$to/build/$peer"
    (cd "$to/build/$peer" && RUSTFLAGS="-C target-cpu=native" cargo build --release)
    cp "$to/build/$peer/target/release/$peer" "$to/$peer"
done
cargo install tuftool --no-default-features --root "$to/build/tuftool"
cp "$to/build/tuftool/bin/tuftool" "$source/tuftool/"*.sh "$to/"
python3 -m venv "$to/venv"
"$to/venv/bin/pip" install --quiet 'tuf==7.0.1' 'securesystemslib[crypto]==1.6.0'
printf '#!/bin/sh\nexec "%s/venv/bin/python" "$@"\n' "$to" > "$to/python"
chmod +x "$to/python"
cp "$source/python_tuf/peer_pytuf.py" "$to/"
