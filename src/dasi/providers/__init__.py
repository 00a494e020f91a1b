"""Payment companies. Domain packages know `port` only; the composition root passes KICC in."""
