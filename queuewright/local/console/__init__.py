"""What `up` and `emulator` print: lines, events as lines, and the table of what runs."""
