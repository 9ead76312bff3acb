"""One module a figure; each returns a `Figure`: drawing, title and caption, never a file."""
