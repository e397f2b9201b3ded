"""The local web application: scans in, a queue of jobs, a viewer, corrections, results; nothing leaves the machine.

`osteon.app.server` puts it together and runs it. Nothing is imported here: workers must be ready soon.
"""
