"""The API, one module for each thing that people work with."""
