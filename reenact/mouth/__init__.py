"""The inside of a mouth, drawn at the size of the result: cavity, tongue, lower and upper teeth."""
