"""Pure decisions: what is valid, what is due, what is sent. Nothing here waits, stores or sends."""
