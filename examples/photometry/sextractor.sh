#!/bin/sh
# Measure the objects of one chip by SExtractor, and flag those that touch bad pixels:
#   sh sextractor.sh 'EXPOSURE[EXTENSION]' MASK
# Bad pixels have no weight, so that photometry replaces them by their neighbours.
# In the flag image they are larger by one pixel, so that all objects that touch one are flagged.
set -eu
image=$1 mask=$2
name=$(basename "$mask" _staticMask.fits)
staticmask export "$mask" --as weight -o forms --quiet
staticmask export "$mask" --as flag --grow 1 -o forms --quiet

command=source-extractor # as Debian calls it; elsewhere it is sex or sextractor
printf '%s\n' NUMBER X_IMAGE Y_IMAGE FLUX_AUTO FLAGS IMAFLAGS_ISO > columns.param
"$command" "$image" -c /dev/null -PARAMETERS_NAME columns.param -FILTER N -VERBOSE_TYPE QUIET \
    -WEIGHT_IMAGE "forms/${name}_weight.fits" -WEIGHT_TYPE MAP_WEIGHT \
    -FLAG_IMAGE "forms/${name}_flag.fits" -FLAG_TYPE OR \
    -CHECKIMAGE_TYPE SEGMENTATION -CHECKIMAGE_NAME objects.fits \
    -CATALOG_TYPE ASCII_HEAD -CATALOG_NAME objects.cat
awk '!/^#/ { objects++; flagged += $6 > 0 }
     END { print objects " objects, " flagged " of them touch bad pixels" }' objects.cat
