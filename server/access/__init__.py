"""Who may ask, how often, and for which file: keys, rate limits, signed addresses."""
