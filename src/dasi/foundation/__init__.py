"""What any room may stand on. Knows no word of the trade."""
