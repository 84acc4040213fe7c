"""Every result says what it is: an invisible watermark, Content Credentials and a visible label."""
