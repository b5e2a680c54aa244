"""Starting, watching and ending processes, and the background tasks that do it."""
