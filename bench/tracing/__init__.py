"""What looks into processes of the program from inside."""
