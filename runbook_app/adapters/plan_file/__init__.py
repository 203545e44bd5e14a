"""The plan file: YAML with positions, its keys, its variables and its rules."""
