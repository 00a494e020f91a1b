"""Pages of the signed-in user: sign-in, account, passkeys, members."""
