"""What runs: topics, subscriptions and the subscribers that take messages from them."""
