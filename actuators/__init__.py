"""Acts: each verb is an effector that looks at the world, acts once, and can follow what an earlier life began."""
