"""Models that see a piece from both sides and fill any gap."""
