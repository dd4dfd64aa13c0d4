"""Growth: operators, grown folders, interrupted growths."""
