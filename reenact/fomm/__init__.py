"""The published first-order motion model (FOMM), to import its checkpoints and compare with them."""
