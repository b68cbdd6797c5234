"""Management controllers: looked at regularly, and heard when they have something to say."""
