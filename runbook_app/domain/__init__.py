"""Plans, states, commands, events and the decisions between them: no I/O and no clock."""
