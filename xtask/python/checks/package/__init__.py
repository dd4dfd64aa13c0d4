"""Pages of reports, in a browser."""
