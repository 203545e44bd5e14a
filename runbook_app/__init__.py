"""A terminal runbook application for security-hardening sessions."""

__version__ = "0.1.0"
