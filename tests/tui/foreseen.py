"""A dry run that has each kind of statement."""

from __future__ import annotations

from runbook_app.domain.forecast import Ahead, Certainty, Forecast, Foreseen, ItemForecast, Told
from runbook_app.domain.forecast import StepForecast as Step
from runbook_app.domain.measure import Measurement, Progress

AHEAD = Ahead(number="2.2", title="Create Nginx configuration", place=2, total=5)
DIFF = """\
--- nginx/nginx.conf now
+++ nginx/nginx.conf predicted
@@ -1,2 +1,3 @@
 worker_processes 1;
-listen 8000;
+listen 8443 ssl;
+ssl_certificate /certs/certificate.pem; # the one that step 2.1 makes, readable by its owner
"""
FORESEEN = Forecast(
    plan="phase1",
    title="Phase 1",
    version="1.0",
    target="/srv/staging",
    items=(
        ItemForecast(
            id="tls",
            number=2,
            title="TLS/HTTPS Enforcement",
            needs=("headers",),
            checkpoint=("1 confirmation by a person", "3 checks"),
            criteria=2,
            commit="feat(security): terminate TLS at nginx",
            steps=(
                Step(
                    id="tls.certificates",
                    number="2.1",
                    title="Generate TLS certificates",
                    action="tls.generate_certificate",
                    effect=True,
                    check=Told(
                        certainty=Certainty.PROVED,
                        progress=Progress.DONE,
                        evidence="certs/certificate.pem is valid until 2026-10-24",
                    ),
                ),
                Step(
                    id="tls.nginx",
                    number="2.2",
                    title="Create Nginx configuration",
                    action="nginx.configure",
                    effect=True,
                    check=Told(
                        certainty=Certainty.PROVED,
                        progress=Progress.NOT_DONE,
                        evidence="nginx holds nothing of ours",
                    ),
                    changes=(
                        Foreseen(kind="file", name="nginx/nginx.conf", how="is changed", text=DIFF),
                        Foreseen(kind="container", name="staging-nginx-1", how="is made"),
                    ),
                    assumes=("'nginx -t' ends with exit code 0",),
                ),
                Step(
                    id="tls.test",
                    number="2.3",
                    title="Test HTTPS access",
                    action="http.status",
                    effect=False,
                    cannot_know="what it measures, once 2.2 has run",
                ),
            ),
        ),
        ItemForecast(
            id="database",
            number=3,
            title="Database hardening",
            steps=(
                Step(
                    id="database.ssl",
                    number="3.1",
                    title="Require TLS",
                    action="database.require_tls",
                    effect=True,
                    check=Told(
                        certainty=Certainty.PREDICTED,
                        progress=Progress.NOT_DONE,
                        evidence="ssl is off",
                    ),
                    changes=(
                        Foreseen(kind="sql", name="accounts", text="ALTER SYSTEM SET ssl = 'on'"),
                        Foreseen(kind="setting", name="ssl", how="is set to on"),
                    ),
                ),
                Step(
                    id="database.size",
                    number="3.2",
                    title="Look at its size",
                    action="database.size",
                    effect=False,
                    measured=(Measurement(name="size", value=9, unit="MB", ok=False, limit="≤ 8"),),
                    fails="does not hold: size",
                ),
            ),
        ),
        ItemForecast(
            id="validation", number=6, title="Input validation", not_required="as the source says"
        ),
    ),
)
