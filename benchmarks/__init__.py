"""Every mechanism against the forms that people use, in one interleaved run: `make bench`."""
