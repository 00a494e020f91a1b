"""The simulated KICC's own records: merchants, keys, transactions, clock."""
