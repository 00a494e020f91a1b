"""Payment companies. `port` is what rooms know of them; only the composition root knows more."""
