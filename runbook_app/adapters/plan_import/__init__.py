"""A plan from a Markdown document."""
