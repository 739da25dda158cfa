"""What a force owns: nominals, names, identifiers, locations, involvements, history."""
