"""The engine: command, decide, journal, publish, run. One process drives one session."""
