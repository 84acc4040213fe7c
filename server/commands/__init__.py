"""What `reenact-server` does: serve, worker, keys, block, sweep, doctor."""
