"""What to do with a name: the configuration's rules, compiled for the native engine."""
