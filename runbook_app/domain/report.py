"""The status report and the documents that a session keeps in its target."""

from runbook_app.domain.audit import audit_document
from runbook_app.domain.progress import progress_document
from runbook_app.domain.status import report_lines, status_report

__all__ = ["audit_document", "progress_document", "report_lines", "status_report"]
