"""The methods of Publisher and Subscriber, one for each RPC."""
