"""Recorded samples: captures of a small shop, its inventory, and what a reader must find in them."""
