"""The handlers of a tested environment, imported into this process and called directly."""
