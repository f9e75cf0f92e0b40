"""Remote files, read and written through fsspec (the extra ``cloud``)."""
