"""Settings, credentials and logging, free of HTTP and of SQL."""
