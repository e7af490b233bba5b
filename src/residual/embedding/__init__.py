"""Features of images: computed by the fastest engine here, kept in a cache, written to a file, compared."""
