"""The console's labels in Korean and English, by what they name."""
