#!/bin/sh
# Static masks of many visits, and a page of all: sh run.sh VISIT_FOLDER...
# The masks and the log of a visit go to the folder masks inside its own, the page to qa or PAGE.
# One bad visit does not stop the others; the exit status is 1 if there was any, and 3 if a mask
# stands apart from the others.
set -u
test $# -gt 0 || { echo "usage: sh run.sh VISIT_FOLDER..." >&2; exit 2; }
config=${CONFIG:-$(dirname "$0")/visits.cfg}

visits=$#
failed=0
for visit in "$@"; do  # the list of folders becomes one of masks
    shift
    visit=${visit%/}
    mkdir -p "$visit/masks" || exit 1
    if staticmask create --config "$config" --suffix flc --quiet --output-dir "$visit/masks" \
        --log-file "$visit/masks/staticmask.log" -- "$visit"/*_fl[tc].fits
    then echo "$visit: done" >&2; set -- "$@" "$visit"/masks/*_staticMask.fits
    else echo "$visit: FAILED, see above" >&2; failed=$((failed + 1))
    fi
done
status=0
test $# -eq 0 || staticmask inspect --check --html "${PAGE:-qa}" -- "$@" || status=$?
echo "$((visits - failed)) of $visits visits done" >&2
test "$failed" -eq 0 || exit 1
exit "$status"
