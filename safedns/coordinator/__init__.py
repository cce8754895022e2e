"""The publisher's side: what is signed, and the files that routers download."""
