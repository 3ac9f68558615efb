"""Figures, plots and pages of runs, for the end of a training and for `macaw inspect`."""
