from runbook_app.cli import main

main()
