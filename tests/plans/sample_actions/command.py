"""The shipped commands, which a plan's own `shell`, `sql` and `python` steps call."""

from actions.command import python, python_holds, shell, shell_holds, sql, sql_holds

__all__ = ["python", "python_holds", "shell", "shell_holds", "sql", "sql_holds"]
