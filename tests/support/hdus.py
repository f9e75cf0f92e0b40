"""The bytes of the HDUs of a file, to compare two files HDU by HDU."""

from pathlib import Path

from astropy.io import fits

__all__ = ["changed_hdus", "hdus_of"]


def hdus_of(path: str | Path) -> list[tuple[bytes, bytes]]:
    """Return the bytes of the header and of the data of each HDU."""
    content = Path(path).read_bytes()
    with fits.open(path, disable_image_compression=True) as hdus:
        places = [hdu.fileinfo() for hdu in hdus]
    parts = [
        (content[place["hdrLoc"] : place["datLoc"]],
         content[place["datLoc"] : place["datLoc"] + place["datSpan"]])
        for place in places
    ]
    assert sum(len(part) for pair in parts for part in pair) == len(content)
    return parts


def changed_hdus(before: str | Path, after: str | Path) -> list[int]:
    """Return the numbers of the HDUs in which any byte differs."""
    pairs = zip(hdus_of(before), hdus_of(after), strict=True)
    return [number for number, (old, new) in enumerate(pairs) if old != new]
