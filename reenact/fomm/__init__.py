"""The published first-order motion model, so that its own checkpoints can be imported and compared with."""
