#!/usr/bin/env bash
# Fetches what the pages need of others from npm, checks each against its hash, and keeps the files and their licences.
# Needs npm; whoever installs rewardsmith needs neither. To take a newer version change its line below and run this.
set -euo pipefail
cd "$(dirname "$0")/.."
static=rewardsmith/service/pages/static
axe=tests/data/axe

take() { # NAME VERSION HASH FOLDER FILE... : a package's files into a folder, its licence as NAME.LICENSE
  local name=$1 version=$2 hash=$3 folder=$4
  shift 4
  local work
  work=$(mktemp -d)
  (cd "$work" && npm pack --silent "$name@$version" >/dev/null)
  local found
  found=$(openssl dgst -sha512 -binary "$work"/*.tgz | base64 -w0)
  if [ "$found" != "$hash" ]; then
    echo "vendor: $name $version is not what it was: sha512-$found" >&2
    exit 1
  fi
  tar xzf "$work"/*.tgz -C "$work"
  mkdir -p "$folder"
  for file in "$@"; do
    cp "$work/package/$file" "$folder/$(basename "$file")"
  done
  for licence in "$work"/package/LICENSE*; do
    cp "$licence" "$folder/$name.$(basename "$licence" .txt)"
  done
  rm -r "$work"
  echo "vendor: $name $version" >&2
}

take htmx.org 4.0.1 oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg== \
  "$static" dist/htmx.min.js
take uplot 1.6.32 KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw== \
  "$static" dist/uPlot.iife.min.js dist/uPlot.min.css
take axe-core 4.14.1 FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ== \
  "$axe" axe.min.js
