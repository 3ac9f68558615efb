"""What bridges and injections share: attention layers, layouts of media, and the like."""
