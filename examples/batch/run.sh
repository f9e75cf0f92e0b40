#!/bin/sh
# Static masks of many visits: sh run.sh VISIT_FOLDER...
# The masks and the log of a visit go to the folder masks inside its own.
# One bad visit does not stop the others; the exit status is 1 if there was any.
set -u
test $# -gt 0 || { echo "usage: sh run.sh VISIT_FOLDER..." >&2; exit 2; }
config=${CONFIG:-$(dirname "$0")/visits.cfg}

failed=0
for visit in "$@"; do
    visit=${visit%/}
    mkdir -p "$visit/masks" || exit 1
    if staticmask create --config "$config" --suffix flc --quiet --output-dir "$visit/masks" \
        --log-file "$visit/masks/staticmask.log" -- "$visit"/*_fl[tc].fits
    then echo "$visit: done" >&2
    else echo "$visit: FAILED, see above" >&2; failed=$((failed + 1))
    fi
done
echo "$(($# - failed)) of $# visits done" >&2
test "$failed" -eq 0
