"""Imports checkpoints of other families: a stock or a published folder in, a model folder of macaw's out."""
