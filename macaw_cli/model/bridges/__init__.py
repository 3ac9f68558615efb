"""Features to soft tokens: one small file per published design."""
