"""Pure decisions: which tasks are valid, when they are due, what is sent for them.

Nothing in this package waits, stores or sends.
"""
