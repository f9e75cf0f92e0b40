"""FITS files: checked before they are believed, read without astropy where possible, written."""
