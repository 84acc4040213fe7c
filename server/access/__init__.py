"""Access control: keys, rate limits, signed addresses of results."""
