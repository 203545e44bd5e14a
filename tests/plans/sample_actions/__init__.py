"""Actions for the loader's tests."""
