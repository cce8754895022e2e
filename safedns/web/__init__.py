"""What a browser sees instead of a blocked site, and the look-up page: pages, metrics over HTTP, the end of HTTPS."""
