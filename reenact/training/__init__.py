"""Training of the networks (torch; never imported when serving)."""
