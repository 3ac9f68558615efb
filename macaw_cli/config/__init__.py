"""The settings tree of a workspace: dataclasses, presets, loading and overrides."""
