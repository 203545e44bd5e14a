"""The programs that the project starts as processes of their own, by `python -m`."""
