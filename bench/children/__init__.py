"""What is measured in a process of its own: `python -m bench.children.NAME`."""
