"""Commands that know the whole deployment."""
