"""Cloud Tasks' own words: messages, names, times, headers, status codes and refusals."""
