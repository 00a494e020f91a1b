"""The commands of `dasi`: one module for each word, imported when that word is typed."""
