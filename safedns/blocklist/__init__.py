"""Lists of names by category: what the categories are, how lists are read and compiled."""
