"""Actions that a plan can name as `module.function`, one module a subject.

They see the target through their context alone and know nothing of the engine. Modules whose name
starts with an underscore hold what the subjects are made of, and no action; `templates` holds what
is written into the target.
"""
