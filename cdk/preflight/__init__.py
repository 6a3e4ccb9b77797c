"""What would fail at or after a deployment, looked at before it with the deployer's own rights: `make preflight`.

checks.py is the table of checks; each is one function that looks at one thing and says what it saw and how to put it
right. What cannot be seen is never taken for fine.
"""
