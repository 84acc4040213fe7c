"""The mouth's inside, drawn at the resolution of the result: cavity, tongue, lower and upper teeth."""
