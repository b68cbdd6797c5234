"""May we? Match + evidence -> Decision. Pure: what the world looks like now is handed in; any doubt is Hold."""
