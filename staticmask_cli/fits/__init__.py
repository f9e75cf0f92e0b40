"""FITS files, read and written without astropy as far as the FITS standard is plain.

Why not astropy:

- Importing it is a large part of a short run.  ``python -X importtime -c "import numpy,
  astropy.io.fits"`` shows what; importing it after numpy takes 0.39 s of CPU time (median of 11
  pairs of new processes, with and without it: 0.36 s to 0.44 s), where clipping a small exposure
  takes less.
- Its headers are several times as slow: reading those of an exposure of ACS/HRC takes 2 ms here
  and 13 ms with astropy, which counts for archives of many thousand files.
- It relies on what headers claim, and allocates and inflates that much; files are untrusted, so
  `layout` compares every header with the file first.
- Where pixels are in a file can be kept when its headers have been read (`pixels`), so that
  workers read them without the headers, by one byte range if the file is remote.
- Masks are written with the same bytes whatever the version of astropy (`writer`).

What is left to astropy, which is imported when it is first needed: header values of unusual
form (`header`), files with unusual HDUs (`hdus`), pixels that are scaled, and tables (`open`).
Of its C code, what decodes tiles is used without the rest (`streams`).  Whatever is read without
astropy is what astropy reads; tests compare both on damaged files.
"""
