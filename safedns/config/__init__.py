"""What an operator sets: the model, its units, and the YAML that it is read from."""
