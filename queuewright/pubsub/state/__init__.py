"""What is kept: the SQLite file with topics, subscriptions and messages."""
