"""Pages about payments: dashboard, list, detail, unresolved."""
