"""Building blocks that the networks share (torch; never imported when serving)."""
